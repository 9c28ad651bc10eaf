package mirror

import (
	"context"
	"errors"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// Resolve implements runner.Resolver. It looks up what the tags of the sources stand for.
// Layouts are left out: they have no tags to lock, and may be made by a step before.
func (m *mirror) Resolve(ctx context.Context, w runner.World) (*runner.Finding, error) {
	listed, err := m.entries(ctx, w)
	if err != nil {
		return nil, err
	}
	all := len(listed)
	listed = imagelist.WithoutLayouts(listed)
	images, err := m.targets(listed)
	if err != nil {
		return nil, err
	}
	images, refused := m.admitted(images)
	images, err = imagelist.ResolveSources(ctx, m.out.Registry(), images, m.out.Resolve)
	if err = errors.Join(refused, err); err != nil {
		return nil, err
	}
	finding := &runner.Finding{}
	if len(listed) == all && len(m.Platforms) == 0 {
		refs := make([]string, len(images))
		for i, im := range images {
			if im.Digest == "" {
				return finding, nil // the digest is what the destination has
			}
			refs[i] = imagelist.RefWithDigest(im.Target, im.Digest)
		}
		finding.Outputs = outputs(refs, []string{})
		if len(m.trustRules()) > 0 {
			delete(finding.Outputs, "trusted") // no signature is looked at
		}
	}
	return finding, nil
}
