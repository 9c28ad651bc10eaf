package rehearse

import (
	"context"
	"slices"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/artifacts"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/standin/upstream"
)

// layout makes a layout with the images and artifacts that the plan names.
func (b *builder) layout(ctx context.Context, t *thing) error {
	from, err := b.world.layoutSource(t.path)
	if err != nil {
		return err
	}
	names, err := b.addArtifacts(from, t.path)
	if err != nil {
		return err
	}
	signatures := registry.IgnoreSignatures
	if b.world.rules.Signer != nil {
		signatures = registry.CopySignatures
	}
	like := artifacts.Like{Names: slices.Concat(t.Names, names), Signatures: signatures}
	if t.Signed {
		if like.Key, err = minisign.NewSecretKey("the key of the rehearsal", b.world.secret, nil); err != nil {
			return err
		}
	}
	return artifacts.Layout(ctx, t.path, from, like)
}

// layoutSource gives the registry from which a layout's images are copied. The world keeps it for the
// signatures of these images.
func (w *world) layoutSource(dir string) (*upstream.Upstream, error) {
	prefix := registry.LayoutPrefix + dir + ":"
	rules := upstream.Rules{Signer: w.rules.Signer, Certified: w.rules.Certified, SignedAs: func(_, repository string) string { return w.plans.SignedName(prefix + repository) }}
	from, err := upstream.New("stand-in.invalid", "", rules)
	if err == nil {
		w.layouts[prefix] = from
		w.closers = append(w.closers, from)
	}
	return from, err
}
