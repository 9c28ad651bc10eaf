package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A replacedRule says how images are kept whose tags move on.
type replacedRule struct {
	// Tag of the image that a tag stood for last; {tag} is that tag.
	Tag string `json:"tag,omitempty" jsonschema:"default={tag}.before"`
	// How many images are kept of each tag. The second one has -2 behind its tag, the third one -3:
	// these names need no clock and no record, so that a run that was interrupted is repeated
	// without keeping an image twice.
	Keep *int `json:"keep,omitempty" jsonschema:"minimum=1,maximum=9,default=1"`
}

// The field of replaced.tag, and what may stand beside it.
const tagField = "{tag}"

var besideTagField = lazyregexp.New(`^[A-Za-z0-9_.-]*$`)

func (r *replacedRule) validate() []error {
	if r == nil {
		return nil
	}
	var errs []error
	before, after, ok := strings.Cut(r.template(), tagField)
	switch {
	case !ok:
		errs = append(errs, plan.At("replaced.tag", fmt.Errorf("%q has no {tag} in it, and the images of all tags would have one name", r.Tag)))
	case before+after == "":
		errs = append(errs, plan.At("replaced.tag", errors.New("{tag} alone is the tag that moves on")))
	case !besideTagField.MatchString(before) || !besideTagField.MatchString(after) || strings.HasPrefix(before, ".") || strings.HasPrefix(before, "-"):
		errs = append(errs, plan.At("replaced.tag", fmt.Errorf("%q is not {tag} with letters, digits and _ . - beside it", r.Tag)))
	}
	return append(errs, plan.At("replaced.keep", setting.Between(r.Keep, 1, 9)))
}

func (r *replacedRule) template() string {
	if r.Tag == "" {
		return tagField + ".before"
	}
	return r.Tag
}

// count gives how many images are kept of a tag.
func (r *replacedRule) count() int { return setting.Number(r.Keep, 1) }

// names gives the names under which the images of a target are kept, the latest first. A
// target without a tag has none.
func (r *replacedRule) names(target string) []string {
	name, _, _ := strings.Cut(target, "@")
	colon := strings.LastIndexByte(name, ':')
	if r == nil || colon < 0 || strings.Contains(name[colon:], "/") {
		return nil
	}
	kept := name[:colon+1] + strings.ReplaceAll(r.template(), tagField, name[colon+1:])
	all := []string{kept}
	for n := 2; n <= r.count(); n++ {
		all = append(all, kept+"-"+strconv.Itoa(n))
	}
	return all
}

// A backup is a tag that is going to stand for an image that another tag stood for.
type backup struct {
	of           *registry.ImagePlan // its tag moves on after that
	place        int                 // 0 for the image that it stood for last
	name         string
	have, digest string
}

// checkNames gives an error unless each name under which an image is kept is that of one
// image alone.
func (m *mirror) checkNames(t *registry.TransferPlan) error {
	listed, kept := map[string]bool{}, map[string]string{}
	for _, e := range t.Images {
		listed[e.Target] = true
	}
	for _, e := range t.Images {
		for _, name := range m.Replaced.names(e.Target) {
			switch other := kept[name]; {
			case listed[name]:
				return fmt.Errorf("replaced: %s would be kept as %s, which the list names too", e.Target, name)
			case other != "" && other != e.Target:
				err := fmt.Errorf("replaced: %s and %s would both be kept as %s", other, e.Target, name)
				return fault.WithHint(err, "let replaced.tag begin with {tag}")
			}
			kept[name] = e.Target
		}
	}
	return nil
}

// notKept notes that an image must not be copied, since what its tag stands for would be lost.
func notKept(e *registry.ImagePlan, err error) {
	e.State, e.Err = registry.Failed, fmt.Errorf("keeping what %s stands for: %w", e.Target, err)
}

// backups gives the tags to set before the tags of a plan move on. What they stand for
// is known from the destination alone. An image of which that cannot be found out fails.
func (m *mirror) backups(ctx context.Context, t *registry.TransferPlan) ([]backup, error) {
	if m.Replaced == nil {
		return nil, nil
	}
	if err := m.checkNames(t); err != nil {
		return nil, err
	}
	var asked []registry.Image
	var owners []*registry.ImagePlan
	for _, e := range t.Images {
		if e.State != registry.Copy || e.Have == "" || e.Have == e.Digest {
			continue
		}
		for _, name := range m.Replaced.names(e.Target) {
			asked, owners = append(asked, registry.Image{Source: e.Target + "@" + e.Have, Target: name, Digest: e.Have}), append(owners, e)
		}
	}
	found, err := m.out.Registry().Check(ctx, asked, registry.Selection{}, false)
	if err != nil {
		return nil, err
	}
	var all []backup
	for i := 0; i < len(found); i += m.Replaced.count() {
		these := found[i : i+m.Replaced.count()]
		if at := slices.IndexFunc(these, func(k *registry.Checked) bool { return k.Err != nil }); at >= 0 {
			notKept(owners[i], these[at].Err)
			continue
		}
		all = append(all, shifted(owners[i], these)...)
	}
	return all, nil
}

// shifted gives the tags of one image that have to be set. Each image is kept once: then
// a part of this that was done before an interruption changes nothing of the rest.
func shifted(of *registry.ImagePlan, kept []*registry.Checked) []backup {
	want := []string{of.Have}
	for _, k := range kept {
		if k.Have != "" && !slices.Contains(want, k.Have) {
			want = append(want, k.Have)
		}
	}
	var all []backup
	for i, k := range kept {
		if i < len(want) && want[i] != k.Have {
			all = append(all, backup{of, i, k.Target, k.Have, want[i]})
		}
	}
	return all
}

func backupItem(b backup) runner.Item {
	it := runner.Item{Op: runner.Create, What: "tag", Name: b.name, Note: "keeps what is replaced", From: b.have, To: b.digest}
	if b.have != "" {
		it.Op = runner.Update
	}
	return it
}

func backupItems(all []backup) []runner.Item {
	var items []runner.Item
	for _, b := range all {
		items = append(items, backupItem(b))
	}
	return items
}

// keepReplaced sets the tags of backups. The oldest comes first, so that at any moment each
// image that is to be kept has a tag. An image whose backup fails is not copied.
func (m *mirror) keepReplaced(ctx context.Context, t *registry.TransferPlan, p runner.Progress) error {
	all, err := m.backups(ctx, t)
	if err != nil || len(all) == 0 {
		return err
	}
	for place := m.Replaced.count() - 1; place >= 0; place-- {
		var images []registry.Image
		now := map[string]backup{}
		for _, b := range all {
			if b.place == place && b.of.State == registry.Copy {
				images = append(images, registry.Image{Source: b.of.Target + "@" + b.digest, Target: b.name, Digest: b.digest})
				now[b.name] = b
			}
		}
		if err := m.setTags(ctx, images, now, p); err != nil {
			return err
		}
	}
	return nil
}

// setTags copies images within the destination, where all of them is there.
func (m *mirror) setTags(ctx context.Context, images []registry.Image, backups map[string]backup, p runner.Progress) error {
	t, err := m.out.Registry().Plan(ctx, images, registry.Selection{})
	if err != nil {
		return err
	}
	err = m.out.Registry().Execute(ctx, t, registry.Options{Done: func(e *registry.ImagePlan) {
		if e.Err == nil {
			p.Done(backupItem(backups[e.Target]))
		}
	}})
	if ctx.Err() != nil {
		return err
	}
	for _, e := range t.Images {
		if e.Err != nil {
			notKept(backups[e.Target].of, fault.WithHint(e.Err, "if that image is not complete there, delete its tag"))
		}
	}
	return nil // what has failed is in the plan of the images
}

// withBackups gives a plan that names also the images that are kept for those of t.
func (m *mirror) withBackups(t *registry.TransferPlan) *registry.TransferPlan {
	var kept []registry.Image
	for _, e := range t.Images {
		for _, name := range m.Replaced.names(e.Target) {
			kept = append(kept, registry.Image{Source: name, Target: name})
		}
	}
	return m.with(t, kept)
}

// with gives a plan that names also other images that are at the destination.
func (m *mirror) with(t *registry.TransferPlan, kept []registry.Image) *registry.TransferPlan {
	if len(kept) == 0 {
		return t
	}
	return &registry.TransferPlan{Images: slices.Concat(t.Images, m.out.Registry().Names(kept).Images), Blobs: t.Blobs}
}
