package prepare

import (
	"context"

	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// ExplainImages says for each image that the step could choose why it is in or out.
// It asks no registry, so it leaves selections out. `bayplan explain-images` calls it.
func (p *prepare) ExplainImages(ctx context.Context, w runner.World) ([]tripleo.Verdict, error) {
	request, err := p.request(w)
	if err != nil {
		return nil, err
	}
	if !p.Images.IsZero() {
		listed, err := p.givenImages(ctx, w, none)
		return tripleo.ExplainListed(listed, request), err
	}
	verdicts, err := tripleo.Explain(request, w.Open)
	return verdicts, err
}

// none chooses nothing.
func none(context.Context, tagselect.Selection) ([]string, error) { return nil, nil }

// Selections gives what the list selects. `bayplan explain-images` calls it.
func (p *prepare) Selections() []tagselect.Selection { return p.Images.Selections() }
