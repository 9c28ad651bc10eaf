package prepare

import (
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// ExplainImages says for each image that the step could choose why it is in or out.
// It asks no registry. `bayplan explain-images` calls it.
func (p *prepare) ExplainImages(w runner.World) ([]tripleo.Verdict, error) {
	request, err := p.request(w)
	if err != nil {
		return nil, err
	}
	if !p.Images.IsZero() {
		listed, err := p.givenImages(w)
		return tripleo.ExplainListed(listed, request), err
	}
	verdicts, err := tripleo.Explain(request, w.Open)
	return verdicts, withSuggestion(err)
}
