package steps

import (
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// An ImageVerdict says why an image is wanted, or why it is not.
type ImageVerdict = tripleo.Verdict

// A ServiceVerdict says the same of a service that needs images.
type ServiceVerdict = tripleo.ServiceVerdict

// An ImageExplainer is a step that can say of each image that it could choose
// why it is in or out. It asks no registry.
type ImageExplainer interface {
	ExplainImages(w runner.World) ([]ImageVerdict, error)
}

// ExplainImages implements ImageExplainer.
func (p *prepare) ExplainImages(w runner.World) ([]ImageVerdict, error) {
	request, err := p.request(w)
	if err != nil {
		return nil, err
	}
	if !p.Images.IsZero() {
		listed, err := p.given(w)
		return tripleo.ExplainGiven(listed, request), err
	}
	verdicts, err := tripleo.Explain(request, w.Open)
	return verdicts, hinted(err)
}
