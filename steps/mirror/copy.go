package mirror

import (
	"context"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/destination"
)

// trustRecorded sets the digest that each target had when the step last succeeded. The
// image with that digest was complete then. The record may spell a registry's host in
// another way.
func trustRecorded(c *registry.Client, images []registry.Image, prior *runner.Record) []registry.Image {
	whole := map[string]string{}
	for _, ref := range recordedImages(prior) {
		name, digest, _ := strings.Cut(ref, "@")
		name, ref = c.Canonical(name), c.Canonical(ref)
		whole[name], whole[ref] = digest, digest // a target has a tag or a digest
	}
	images = slices.Clone(images)
	for i := range images {
		images[i].Whole = whole[c.Canonical(images[i].Target)]
	}
	return images
}

// applying gives the Apply of a change. The destination has confirmed the digest of every
// manifest that was put, and a manifest is put only when all its parts are there. Asking
// again would double the requests of a run.
func (d deciding) applying(table *registry.TransferPlan, images []registry.Image, prior *runner.Record, finding *runner.Finding) func(context.Context, runner.Progress) (runner.Outputs, error) {
	return func(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
		t := table
		table = nil // a table is good for one execution
		if err := destination.Ready(ctx, d.To, d.out.Registry()); err != nil {
			return nil, err
		}
		if t == nil {
			var err error
			if t, err = d.transferPlan(ctx, images); err != nil {
				return nil, err
			}
		}
		t, err := d.copyAll(ctx, t, images, p)
		if again := t.ReadAgain(); again != "" {
			finding.Notes = append(finding.Notes, again)
		}
		if err = d.incomplete(t, err); err == nil {
			err = d.prune(ctx, t, prior, p)
		}
		if err = destination.Seal(ctx, err, d.To, d.out.Registry(), p); err != nil {
			return nil, err
		}
		return d.outputsOf(t.Images), nil
	}
}

// copyAll executes a plan and gives the executed one. When that fails though the
// destination can be reached, the record may be wrong about what is there. Then it
// plans again without the record and executes once more.
func (d deciding) copyAll(ctx context.Context, t *registry.TransferPlan, images []registry.Image, p runner.Progress) (*registry.TransferPlan, error) {
	err := d.execute(ctx, t, p)
	if err == nil || ctx.Err() != nil || !t.Misled() {
		return t, err
	}
	again, err := d.transferPlan(ctx, images)
	if err != nil {
		return t, err
	}
	return again, d.execute(ctx, again, p)
}

func (m *mirror) execute(ctx context.Context, t *registry.TransferPlan, p runner.Progress) error {
	defer t.Drop()
	items := map[*registry.ImagePlan]runner.Item{}
	pulls := t.Pulls()
	for _, e := range t.Images {
		items[e] = copyItem(e, pulls)
	}
	if err := m.out.Registry().Preflight(ctx, t); err != nil {
		return err
	}
	if err := m.keepReplaced(ctx, t, p); err != nil {
		return err
	}
	if t.Summary().Copies == 0 && t.Err() != nil {
		return t.Err()
	}
	return m.out.Registry().Execute(ctx, t, registry.Options{
		Parallel: m.Parallel,
		Moved:    p.Add,
		Done: func(e *registry.ImagePlan) {
			if e.Err == nil {
				it := items[e]
				it.Began, it.Mounted = e.Began, e.Mounted
				p.Done(it)
			}
		},
	})
}
