package steps

import (
	"errors"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/tripleo"
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
	if !p.Images.IsZero() {
		return nil, errors.New("its images are given in the plan: all are in that includes and excludes let through")
	}
	request, err := p.request(w)
	if err != nil {
		return nil, err
	}
	verdicts, err := tripleo.Explain(request, w.Open)
	return verdicts, hinted(err)
}
