package rehearse

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/standin/upstream"
)

// layout makes a layout with the images that the plan names.
func (b *builder) layout(ctx context.Context, t *thing) error {
	if err := os.MkdirAll(filepath.Dir(t.path), 0o755); err != nil {
		return err
	}
	const host = "stand-in.invalid"
	from, err := b.world.layoutSource(t.path)
	if err != nil {
		return err
	}
	c, err := registry.New([]registry.Host{{Name: host, Handler: from}})
	if err != nil {
		return err
	}
	defer c.Close()
	names := t.Names
	if len(names) == 0 {
		names = []string{"stand-in/one:1.0", "stand-in/two:1.0"}
	}
	images := make([]registry.Image, len(names))
	for i, name := range names {
		name, _, _ = strings.Cut(name, "@")
		if !strings.Contains(name, ":") { // a tag alone
			name = "stand-in/" + name + ":" + name
		}
		images[i] = registry.Image{Source: host + "/" + name, Target: registry.LayoutPrefix + t.path + ":" + name}
	}
	wanted := registry.Selection{}
	if b.world.rules.Signer != nil {
		wanted.Signatures = registry.CopySignatures
	}
	table, err := c.Plan(ctx, images, wanted)
	if err != nil {
		return err
	}
	if err := table.Err(); err != nil {
		return err
	}
	if !t.Signed {
		return c.Execute(ctx, table, registry.Options{})
	}
	key, err := minisign.NewSecretKey("the key of the rehearsal", b.world.secret, nil)
	if err != nil {
		return err
	}
	if err := c.Layout(t.path).SetForm(ocilayout.Form{Key: key}); err != nil {
		return err
	}
	if err := c.Execute(ctx, table, registry.Options{}); err != nil {
		return err
	}
	return c.Layout(t.path).Seal(ctx)
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
