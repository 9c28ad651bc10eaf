package steps

import (
	"context"
	"fmt"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/registry"
)

// validateImages checks the images that stand in the plan itself. An empty one
// is not known yet.
func (m *mirror) validateImages() []error {
	var errs []error
	for i, name := range m.Images.Other {
		if name == "" {
			continue
		}
		_, err := pathOf(name)
		errs = append(errs, plan.At(fmt.Sprintf("images[%d]", i), err))
	}
	return errs
}

// Inputs implements runner.Step: the list and where its images are to be. What
// tags stand for at both sides is looked up by every Diff.
func (m *mirror) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	host, err := m.out.RegistryHost(m.To)
	switch {
	case err != nil:
		return nil, err
	case m.Images.Text == "":
		return []runner.Input{{Name: "registry", Digest: host}}, nil
	}
	return imagesListInputs(ctx, w, string(m.Images.Text), host)
}

// list gives the images to copy and where each is to be.
func (m *mirror) list(w runner.World) ([]registry.Image, error) {
	host, err := m.out.RegistryHost(m.To)
	if err != nil {
		return nil, err
	}
	listed := inlineImages(m.Images.Other)
	if m.Images.Text != "" {
		if listed, err = readListed(w, string(m.Images.Text)); err != nil {
			return nil, err
		}
	}
	return placeImages(listed, func(l listedImage) (string, error) { return targetOf(l.ListedImage, host, m.Rename...) })
}
