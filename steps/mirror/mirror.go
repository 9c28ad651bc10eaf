// Package mirror is the step type mirror, which copies the images of a list to a
// registry or an OCI layout.
package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registry/platforms"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// mirror copies the images of a list to a registry, or to a directory or an
// archive for the way to one. Each blob is pulled once, however many images
// hold it; what is there already is left alone.
type mirror struct {
	// Images to copy: the path of a list of images, as prepare writes it or as plain text with one
	// reference a line; or a list of references, in which {file: PATH} stands for the images of such
	// a file, {layout: PATH} for those of an OCI layout, and {from: HOST/NAME, tags: RULES} for those
	// that are selected by their tags. An image comes to its push_destination, or to
	// the registry itself without one, under the name that follows the first slash of its source. A
	// reference with a digest (host/path:tag@sha256:...) is copied by that digest; oci:LAYOUT is
	// what {layout: LAYOUT} is, a directory or a tar archive that mirror or others have made
	// (docker save since version 25, podman, skopeo, buildkit), and oci:LAYOUT:path:tag is one of
	// them, also where it has the tag alone for a name, or none and is the only one.
	// oci:LAYOUT:path:tag@sha256:... gives a name to any other.
	Images imagelist.List `json:"images"`
	// Registry to copy to, a name under connections.registries or a host; or, to carry images where no
	// network goes, {layout: PATH}: an OCI layout, to which each run adds what is new. In it an
	// image is called path:tag, without the registry. Or a list of these: every image comes to each
	// of them, is read from its source once, and a slow one does not hold up the others.
	To destination.Setting `json:"to"`
	// Platforms to take out of images that are for many, such as linux/amd64 or linux/arm/v7;
	// without it all. A platform without a variant is that with any; of linux/arm/v7 the highest
	// variant is taken that such a machine runs, where v7 is what linux/arm is. The image's index is then rewritten to name just these, or, where one is
	// left, gives way to that one image: its digest is another one than at the source, which the
	// diff and the output rewritten tell. An image that is for one platform only is copied as it
	// is.
	Platforms []string `json:"platforms,omitempty" jsonschema:"minItems=1"`
	// Other names at the destination. The first rule whose from is the beginning of a name applies,
	// and of that name only the beginning is replaced.
	Rename imagelist.Renames `json:"rename,omitempty"`
	// Tag, at the destination, of images that the list names by a digest alone, as
	// host/path@sha256:...; in it {digest:12} stands for the first 12 characters of the digest, and
	// {digest} for all. Without it they have no tag at a registry, and are refused in a layout.
	TagForDigests string `json:"tag_for_digests,omitempty"`
	// What is done about signatures, attestations and bills of materials, as cosign (sha256-...
	// tags) and the referrers of the distribution specification keep them: ignore them; copy them
	// with an image when it is copied, before its tag, which costs one to three requests more for
	// each such image; require that an image has a signature, or it fails before anything of it is
	// moved, and bring also those that are made later. Whether they are valid is checked only where
	// trust says what has to prove the images.
	Signatures plan.TextOr[keeping, signatureRules] `json:"signatures,omitempty" jsonschema:"enum=ignore,enum=copy,enum=require,default=ignore"`
	// Remove from the destination what the list does not name, once all images have been copied:
	// every other tag of the repositories that the list names or named when the step last
	// succeeded, whoever has put it there. What a tag that stays needs, and its signatures and the
	// like, stays. A registry gives the room back when it collects its garbage, a layout at once.
	// Without it nothing is removed; prune: {} is enough to have it done.
	Prune *pruneRule `json:"prune,omitempty"`
	// Keep what a tag stood for at the destination before it moves on to another image, under a tag
	// of its own in the same repository: the way back. prune leaves these tags alone as long as the
	// list names the tag, but for those beyond keep. replaced: {} is enough to have it done.
	Replaced *replacedRule `json:"replaced,omitempty"`
	// Most blobs of more than 64 KiB to move at once. Smaller ones, mounts and manifests go beside
	// them.
	Parallel int `json:"parallel,omitempty" jsonschema:"minimum=1,maximum=64,default=8"`

	id     string                   // of the step
	others func() map[string]string // what other steps make, with their ids; nil: nothing
	out    registries
}

// registries are what the step needs of the plan's connections.
type registries interface {
	// CheckRegistry gives an error when there is no connection of that name.
	CheckRegistry(name string) error
	// RegistryHost gives the host of a connection.
	RegistryHost(name string) (string, error)
	// RegistryIdentity gives what is the same for all names of the registry of a host.
	RegistryIdentity(host string) string
	// EnvSecret gives the secret in an environment variable, and keeps it from helpers.
	EnvSecret(variable string) plan.Secret
	// Registry gives the client for all registries.
	Registry() *registry.Client
	// Downloads gives the client for all web servers.
	Downloads() *download.Client
	// SameRegistry reports whether two hosts name one registry.
	SameRegistry(a, b string) bool
	// Pin fills in the digests of images whose tags are locked, and refuses images that may
	// not be looked up.
	Pin(images []registry.Image) []registry.Image
	// Resolve gives the digest that a tag stands for, by the lock or its registry.
	Resolve(ctx context.Context, image string) (string, error)
	// Record locks what a look-up has given.
	Record(image, digest string)
	// MovedTags reports the tags that no longer stand for what they are locked to.
	MovedTags(ctx context.Context, images []string) ([]string, []runner.Moved)
	// AllTags lists the tags of a repository, once in a run.
	AllTags(ctx context.Context, repository string) ([]string, error)
	// Selected gives the images of a selection, as they are locked or else chosen now.
	Selected(ctx context.Context, s tagselect.Selection) ([]string, error)
	// MovedSelections reports the selections that would choose others than are locked.
	MovedSelections(ctx context.Context, s []tagselect.Selection) ([]string, []runner.Moved)
	// ExplainNotFound adds a hint when a registry no longer has what a tag is locked to.
	ExplainNotFound(err error, image string) error
}

// Selections gives what the list selects. `bayplan explain-images` calls it.
func (m *mirror) Selections() []tagselect.Selection { return m.Images.Selections() }

// Type gives the step type mirror.
func Type(out registries) runner.Type {
	return runner.Type{
		Name: "mirror",
		Outputs: []runner.Output{
			{Name: "images", Doc: "The images at the destination, HOST/NAME:TAG@DIGEST, in the order of the list; of several destinations one after the other.", List: true, Made: true},
			{Name: "rewritten", Doc: "Those of the images whose digest is not the source's, because of platforms.", List: true},
			{Name: "trusted", Doc: "Those of the images whose signatures hold, each by its name and digest at the source, with a mark of the rule and key that proves it.", List: true},
			{Name: "count", Doc: "How many images there are, at all destinations together."},
		},
		New: func() runner.Step { return newStep(out) },
	}
}

func newStep(out registries) *mirror {
	m := &mirror{Parallel: registry.DefaultParallel, out: out}
	m.Signatures.Text = "ignore"
	return m
}

// Sign implements runner.Signer: what a step plans anew takes the place of what it had
// planned.
func (m *mirror) Sign(_, id string) { m.id = id }

// Spare implements runner.Sparer: prune removes nothing that another step of the plan makes.
func (m *mirror) Spare(made func() map[string]string) { m.others = made }

// Validate implements runner.Validator.
func (m *mirror) Validate() error {
	errs := append(destination.Validate(m.To, m.out), plan.At("parallel", setting.Between(&m.Parallel, 1, 64)), plan.At("tag_for_digests", imagelist.CheckDigestTag(m.TagForDigests)))
	errs = append(errs, m.validateSignatures()...)
	errs = append(errs, m.Rename.Validate("rename")...)
	errs = append(errs, m.Prune.validate()...)
	errs = append(errs, m.Replaced.validate()...)
	for i, p := range m.Platforms {
		if p != "" {
			errs = append(errs, plan.At(fmt.Sprintf("platforms[%d]", i), platforms.Check(p)))
		}
	}
	return errors.Join(append(errs, m.Images.Validate("images", true))...)
}

// Paths implements runner.Pather.
func (m *mirror) Paths() runner.Paths {
	paths := runner.Paths{Reads: append(setting.Paths(slices.Concat(m.trustReads(), m.Images.Reads())), destination.Reads(m.To)...), Into: destination.Layouts(m.To), Fills: destination.Forms(m.To)}
	paths.Looks = m.Images.SourcePlaces()
	paths.Asks = append(m.Images.Servers("images", nil), m.stores()...)
	for i, to := range m.To.Items {
		if to.Other.Layout != "" {
			continue
		}
		paths.Asks = append(paths.Asks, imagelist.Connection(destination.Field(m.To, i), to.Text))
		host, err := m.out.RegistryHost(to.Text)
		if err != nil {
			continue // it is not known yet
		}
		place := m.Images.Place(host, "images", m.nameThere)
		place.Identity = m.out.RegistryIdentity(host)
		paths.Fills = append(paths.Fills, place)
		if m.TagForDigests != "" { // they are there by their digests, too
			paths.Fills = append(paths.Fills, m.Images.Place(host, "images", m.renamed))
		}
		if m.Prune != nil {
			paths.Fills = append(paths.Fills, imagelist.UnlistedPlace(host))
		}
	}
	return paths
}

// Diff implements runner.Step. It reads manifests, but no blobs. An image that the
// record has at its destination counts as complete; all others are checked.
func (m *mirror) Diff(ctx context.Context, w runner.World, prior *runner.Record) (*runner.Finding, error) {
	images, err := m.images(ctx, w)
	if err != nil {
		return nil, err
	}
	d, err := m.decide(w, prior)
	if err != nil {
		return nil, err
	}
	trusted := trustRecorded(m.out.Registry(), images, prior)
	if err := destination.Distrust(m.To, trusted, m.out.Registry()); err != nil {
		return nil, err
	}
	table, err := d.transferPlan(ctx, trusted)
	if err != nil {
		return nil, err
	}
	finding := &runner.Finding{Outputs: d.outputsOf(table.Images), Fills: destination.Fills(table.Images, m.out)}
	finding.Notes, finding.Moved = m.moved(ctx, images)
	finding.Notes = slices.Concat(finding.Notes, d.idleRules(images), emptyIndexes(table), m.out.Registry().Quotas(table))
	kept, err := m.backups(ctx, table)
	if err != nil {
		table.Drop()
		return nil, err
	}
	prune := prunings{}
	if finding.Err = d.incomplete(table, table.Err()); finding.Err == nil {
		if prune, err = m.planPrune(ctx, table, prior); err != nil {
			table.Drop()
			return nil, err
		}
	}
	finding.Notes = append(finding.Notes, m.unmatchedNotes(images, prune)...)
	finding.Notes = append(finding.Notes, prune.sparedNotes()...)
	seals, err := destination.Unsealed(m.To, table.Images, m.out.Registry())
	if err != nil {
		table.Drop()
		return nil, err
	}
	sum := table.Summary()
	if sum.Copies == 0 && prune.empty() && len(seals) == 0 {
		return finding, nil
	}
	finding.Change = &runner.Change{
		Summary: changeSummary(sum, prune, len(kept)) + sealSummary(seals),
		Items:   slices.Concat(backupItems(kept), copyItems(table), prune.items(), seals),
		Files:   destination.PendingFiles(m.To),
		Apply:   d.applying(table, images, prior, finding),
	}
	return finding, nil
}

// moved reports the locked tags and selections that would be others now.
func (m *mirror) moved(ctx context.Context, images []registry.Image) ([]string, []runner.Moved) {
	notes, moved := m.out.MovedSelections(ctx, m.Images.Selections())
	moreNotes, moreMoved := m.out.MovedTags(ctx, sources(images))
	return append(notes, moreNotes...), append(moved, moreMoved...)
}

// transferPlan finds what has to be copied. An image that is not available has its error
// in the plan.
func (d deciding) transferPlan(ctx context.Context, images []registry.Image) (*registry.TransferPlan, error) {
	t, err := d.out.Registry().Plan(ctx, d.admit(d.out.Pin(images)), d.selection())
	if err != nil {
		return nil, err
	}
	for _, e := range t.Images {
		if e.Err != nil {
			e.Err = d.out.ExplainNotFound(e.Err, e.Source)
		}
		if !d.out.Registry().SameImage(e.Source, e.Target) {
			d.out.Record(e.Source, cmp.Or(e.Original, e.Digest))
		}
	}
	return t, nil
}

// sources gives the sources of images, each once.
func sources(images []registry.Image) []string {
	names := make([]string, len(images))
	for i, im := range images {
		names[i] = im.Source
	}
	return distinct(names)
}

func (d deciding) selection() registry.Selection {
	want := registry.Selection{Platforms: d.Platforms, Tags: d.out.AllTags, Owner: d.id}
	if keep := d.keep(); keep != "ignore" {
		want.Signatures = registry.Signatures(keep)
	}
	if d.policy != nil {
		want.Trust = d.checkTrust
	}
	return want
}

func copyItems(t *registry.TransferPlan) []runner.Item {
	var items []runner.Item
	pulls := t.Pulls()
	for _, e := range t.Images {
		if e.State == registry.Copy {
			items = append(items, copyItem(e, pulls))
		}
	}
	return items
}

func copyItem(e *registry.ImagePlan, pulls map[*registry.ImagePlan]int64) runner.Item {
	it := runner.Item{
		Op: runner.Create, What: runner.Image, Name: e.Target, Source: e.Source, Bytes: pulls[e],
		Note: fmt.Sprintf("%s, %s in all", human.Count(e.Blobs, "blob", "blobs"), human.Size(e.Size)),
		From: e.Have, To: e.Digest, Size: e.Size,
	}
	if e.Have != "" {
		it.Op = runner.Update
	}
	if n := e.Attached(); n > 0 {
		it.Note += ", with " + human.Count(n, "signature or the like", "signatures and the like")
	}
	if e.Original != "" {
		it.Note += fmt.Sprintf(", only %s of %d platforms: %s instead of %s", strings.Join(e.Kept, " "), e.Of, e.Digest, e.Original)
	}
	return it
}

// copySummary says in one line what has to be copied.
func copySummary(s registry.Summary) string {
	if s.Blobs == 0 && s.Shared == 0 && s.Mounts == 0 {
		text := human.Count(s.Copies, "tag", "tags") + " to move, nothing to copy"
		return withUnchanged(text, s.Unchanged)
	}
	text := fmt.Sprintf("%s: %s (%s) to pull", human.Count(s.Copies, "image", "images"), human.Count(s.Blobs, "blob", "blobs"), human.Size(s.Bytes))
	if s.Shared > 0 {
		text += fmt.Sprintf(", %d shared", s.Shared)
	}
	return withUnchanged(text+", "+human.Count(s.Mounts, "mount", "mounts"), s.Unchanged)
}

func withUnchanged(text string, n int) string {
	if n == 0 {
		return text
	}
	return fmt.Sprintf("%s; %s unchanged", text, human.Count(n, "image", "images"))
}

// Verify implements runner.Step. It asks for every blob of every image, and reads all
// bytes of a layout.
func (m *mirror) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	images, err := m.images(ctx, w)
	if err != nil {
		return nil, err
	}
	d, err := m.decide(w, nil)
	if err != nil {
		return nil, err
	}
	images = d.admit(m.out.Pin(images))
	checked, err := m.out.Registry().Check(ctx, images, d.selection(), true)
	if err != nil {
		return nil, err
	}
	errs := imagelist.Drifts(ctx, m.out.Registry(), checked)
	errs = append(errs, imagelist.Unchecked(checked)...)
	errs = append(errs, m.pruneDrifts(ctx, images)...)
	errs = append(errs, destination.VerifyLayouts(ctx, m.To, m.out.Registry())...)
	refs, rewritten, trusted, lost := make([]string, len(checked)), []string{}, []string{}, false
	for i, k := range checked {
		refs[i] = imagelist.RefWithDigest(k.Target, k.Want)
		if k.Original != "" {
			rewritten = append(rewritten, refs[i])
		}
		trusted = append(trusted, d.verdict(k.Source, cmp.Or(k.Original, k.Want)))
		lost = lost || len(k.Lost) > 0
	}
	if err := fault.Join(errs...); err != nil && lost {
		return nil, fault.WithHint(err, "apply again: it copies what is missing")
	} else if err != nil {
		return nil, err
	}
	out := outputs(refs, rewritten)
	out["trusted"] = plan.List(distinct(trusted)...)
	return out, nil
}
