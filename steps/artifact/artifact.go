// Package artifact is the step type artifact, which puts files into a registry or an OCI
// layout, so that disk images and boot files travel and are verified as container images
// are.
package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registry/platforms"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// artifact puts files into a registry or an OCI layout, under the name of an image. Each
// file is one blob with its own digest and is sent once, however many names it has there.
// fetch takes them back by oci://HOST/NAME or oci:LAYOUT:NAME, and ORAS pulls them. The same files always make the same artifact.
type artifact struct {
	// Files to put into it: a path, or a mapping with more about the file.
	Files []plan.TextOr[plan.Path, file] `json:"files" jsonschema:"minItems=1"`
	// Name at the destination, without its host: path:tag, such as images/overcloud-full:13.0.
	Name string `json:"name"`
	// Registry to put it into, a name under connections.registries or a host; or {layout: PATH},
	// an OCI layout, to which other steps may add, too. Or a list of these.
	To destination.Setting `json:"to"`
	// What kind of thing the artifact is, for programs that ask: its artifact type.
	MediaType string `json:"media_type,omitempty" jsonschema:"default=application/vnd.unknown.artifact.v1"`
	// Who reads it. With ironic, each file is a disk image in an artifact of its own, and the
	// name is that of an index of them, as Ironic wants it for image_source: oci://HOST/NAME. It
	// chooses by disktype and architecture. A file that is no such disk image, or that refers to
	// other files, is refused.
	For string `json:"for,omitempty" jsonschema:"enum=files,enum=ironic,default=files"`

	id  string // of the step
	out registries
}

// A file is a file with what is said about it.
type file struct {
	// Path of the file.
	File plan.Path `json:"file"`
	// Name that the file has in the artifact. Left out, it is the last part of its path.
	Title string `json:"title,omitempty"`
	// What the file is, for programs that ask.
	MediaType string `json:"media_type,omitempty" jsonschema:"default=application/octet-stream"`
	// With for: ironic, the format of the disk image. Left out, it follows from the ending .qcow2
	// or .raw of the title.
	Disktype string `json:"disktype,omitempty" jsonschema:"enum=qcow2,enum=raw"`
	// With for: ironic, the architecture of the machines that boot the disk image, as containers
	// spell it.
	Architecture string `json:"architecture,omitempty" jsonschema:"default=amd64"`
}

// registries are what the step needs of the plan's connections.
type registries interface {
	destination.Connections
	// Registry gives the client for all registries.
	Registry() *registry.Client
}

// Type gives the step type artifact.
func Type(out registries) runner.Type {
	return runner.Type{
		Name: "artifact",
		Outputs: []runner.Output{
			{Name: "image", Doc: "The artifact at its first destination, HOST/NAME:TAG@DIGEST or oci:LAYOUT:NAME:TAG@DIGEST."},
			{Name: "images", Doc: "The artifact at all destinations.", List: true, Made: true},
			{Name: "digest", Doc: "Its digest, sha256:HEX."},
		},
		New: func() runner.Step { return &artifact{out: out} },
	}
}

// Sign implements runner.Signer.
func (a *artifact) Sign(_, id string) { a.id = id }

// Validate implements runner.Validator.
func (a *artifact) Validate() error {
	errs := destination.Validate(a.To, a.out)
	errs = append(errs, plan.At("name", checkName(a.Name)), plan.At("media_type", checkMediaType(a.MediaType)))
	if a.Files != nil && len(a.Files) == 0 {
		errs = append(errs, plan.At("files", errors.New("names no file")))
	}
	seen, disks := map[string]bool{}, map[string]bool{}
	for i, f := range a.Files {
		at := fmt.Sprintf("files[%d]", i)
		title := titleOf(f)
		if title != "" && seen[title] {
			errs = append(errs, plan.At(at, fmt.Errorf("two files would be called %s", title)))
		}
		seen[title] = true
		if kind := disktype(f.Other, title); a.For == ironic && kind != "" {
			disk := kind + " for " + architecture(f.Other)
			if disks[disk] {
				errs = append(errs, plan.At(at, fmt.Errorf("a second disk image that is %s: Ironic would take the first", disk)))
			}
			disks[disk] = true
		}
		errs = append(errs, a.checkFile(at, f.Other, title)...)
	}
	return errors.Join(errs...)
}

func (a *artifact) checkFile(at string, f file, title string) []error {
	errs := []error{plan.At(at+".title", checkTitle(f.Title)), plan.At(at+".media_type", checkMediaType(f.MediaType))}
	if a.For == ironic {
		if title != "" && disktype(f, title) == "" {
			err := fmt.Errorf("the name %s does not say whether it is qcow2 or raw", title)
			errs = append(errs, plan.At(at, fault.WithHint(err, "write {file: PATH, disktype: qcow2}")))
		}
		return append(errs, plan.At(at+".architecture", platforms.Check("linux/"+architecture(f))))
	}
	for field, value := range map[string]string{"disktype": f.Disktype, "architecture": f.Architecture} {
		if value != "" {
			err := errors.New("only Ironic reads it")
			errs = append(errs, plan.At(at+"."+field, fault.WithHint(err, "write for: ironic beside files")))
		}
	}
	return errs
}

// Paths implements runner.Pather.
func (a *artifact) Paths() runner.Paths {
	paths := runner.Paths{Reads: append(a.paths(), destination.Reads(a.To)...), Into: destination.Layouts(a.To), Fills: destination.Forms(a.To)}
	for i, to := range a.To.Items {
		if to.Other.Layout != "" {
			continue
		}
		paths.Asks = append(paths.Asks, imagelist.Connection(destination.Field(a.To, i), to.Text))
		if host, err := a.out.RegistryHost(to.Text); err == nil {
			place := imagelist.Place(host, a.Name)
			place.Identity = a.out.RegistryIdentity(host)
			place.Field, place.Contents = "name", []string{a.contents()}
			paths.Fills = append(paths.Fills, place)
		}
	}
	return paths
}

// contents says what the artifact is made of, "" if not all of it is known.
func (a *artifact) contents() string {
	if len(a.paths()) < len(a.Files) {
		return ""
	}
	return strings.Join(a.paths(), ", ")
}

func (a *artifact) paths() []string {
	var all []string
	for _, f := range a.Files {
		if path := pathOf(f); path != "" {
			all = append(all, path)
		}
	}
	return all
}

// Expects implements runner.Expecter: the files, and the directories of layouts.
func (a *artifact) Expects() []runner.Expected {
	var all []runner.Expected
	for i, f := range a.Files {
		e := runner.Expected{Kind: runner.ExpectFile, Field: fmt.Sprintf("files[%d]", i), Path: pathOf(f)}
		if a.For == ironic {
			e.Format = disktype(f.Other, titleOf(f))
		}
		all = append(all, e)
	}
	return append(all, destination.Expects(a.To)...)
}

// Inputs implements runner.Step: the files and the destinations.
func (a *artifact) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	bases, err := destination.Bases(a.To, a.out)
	if err != nil {
		return nil, err
	}
	in := destination.Inputs(bases)
	for _, f := range a.Files {
		sums, err := w.Sum(ctx, pathOf(f), runner.SHA256)
		if err != nil {
			return nil, err
		}
		in = append(in, runner.Input{Name: titleOf(f), Digest: "sha256:" + sums[runner.SHA256]})
	}
	signing, err := destination.FileInputs(ctx, a.To, w)
	return append(in, signing...), err
}

// CheckFiles implements runner.FileChecker: it reads the keys and receipts of layouts.
func (a *artifact) CheckFiles(_ context.Context, w runner.World, _ bool) error {
	return destination.CheckFiles(a.To, w, a.out)
}

// Diff implements runner.Step. It hashes the files and asks for the artifact's manifest at
// each destination.
func (a *artifact) Diff(ctx context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	images, err := a.images(ctx, w)
	if err != nil {
		return nil, err
	}
	t, err := a.out.Registry().Plan(ctx, images, registry.Selection{Owner: a.id})
	if err != nil {
		return nil, err
	}
	defer t.Drop()
	if err := t.Err(); err != nil {
		return nil, err
	}
	finding := &runner.Finding{Outputs: outputs(t.Images), Fills: destination.Fills(t.Images, a.out)}
	items := a.items(t)
	seals, err := destination.Unsealed(a.To, t.Images, a.out.Registry())
	if err != nil || len(items)+len(seals) == 0 {
		return finding, err
	}
	summary := human.Count(len(seals), "layout", "layouts") + " to seal"
	if len(items) > 0 {
		summary = fmt.Sprintf("%s (%s) to %s", human.Count(len(a.Files), "file", "files"), human.Size(t.Images[0].Size), human.Count(len(items), "destination", "destinations"))
	}
	finding.Change = &runner.Change{
		Summary: summary,
		Items:   append(items, seals...), Files: destination.PendingFiles(a.To),
		Apply: func(ctx context.Context, p runner.Progress) (runner.Outputs, error) { return a.apply(ctx, images, p) },
	}
	return finding, nil
}

// apply sends the artifact that the diff has made. A file that has changed since then has
// another digest than that artifact says, which fails.
func (a *artifact) apply(ctx context.Context, images []registry.Image, p runner.Progress) (runner.Outputs, error) {
	c := a.out.Registry()
	if err := destination.Ready(ctx, a.To, c); err != nil {
		return nil, err
	}
	t, err := c.Plan(ctx, images, registry.Selection{Owner: a.id})
	if err != nil {
		return nil, err
	}
	defer t.Drop()
	if err := c.Preflight(ctx, t); err != nil {
		return nil, err
	}
	items := a.itemOf(t)
	err = c.Execute(ctx, t, registry.Options{Parallel: registry.DefaultParallel, Moved: p.Add, Done: func(e *registry.ImagePlan) {
		if e.Err == nil {
			it := items(e)
			it.Began, it.Mounted = e.Began, e.Mounted
			p.Done(it)
		}
	}})
	if err := destination.Seal(ctx, err, a.To, c, p); err != nil {
		return nil, err
	}
	return outputs(t.Images), nil
}

// items gives an item for each destination that lacks the artifact.
func (a *artifact) items(t *registry.TransferPlan) []runner.Item {
	var items []runner.Item
	item := a.itemOf(t)
	for _, e := range t.Images {
		if e.State == registry.Copy {
			items = append(items, item(e))
		}
	}
	return items
}

func (a *artifact) itemOf(t *registry.TransferPlan) func(*registry.ImagePlan) runner.Item {
	pulls := t.Pulls()
	return func(e *registry.ImagePlan) runner.Item {
		it := runner.Item{
			Op: runner.Create, What: runner.Image, Name: e.Target, Source: strings.Join(a.paths(), ", "), Bytes: pulls[e],
			Note: human.Count(len(a.Files), "file", "files"), From: e.Have, To: e.Digest, Size: e.Size,
		}
		if e.Have != "" {
			it.Op = runner.Update
		}
		return it
	}
}

// Verify implements runner.Step. It hashes the files, asks each destination for every blob of the
// artifact, and reads all bytes of a layout.
func (a *artifact) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	images, err := a.images(ctx, w)
	if err != nil {
		return nil, err
	}
	checked, err := a.out.Registry().Check(ctx, images, registry.Selection{}, true)
	if err != nil {
		return nil, err
	}
	errs := append(imagelist.Drifts(ctx, a.out.Registry(), checked), imagelist.Unchecked(checked)...)
	errs = append(errs, destination.VerifyLayouts(ctx, a.To, a.out.Registry())...)
	if err := fault.Join(errs...); err != nil {
		return nil, err
	}
	refs := make([]string, len(checked))
	for i, k := range checked {
		refs[i] = imagelist.RefWithDigest(k.Target, k.Want)
	}
	return outputsOf(refs), nil
}

func outputs(images []*registry.ImagePlan) runner.Outputs {
	refs := make([]string, len(images))
	for i, e := range images {
		refs[i] = imagelist.RefWithDigest(e.Target, e.Digest)
	}
	return outputsOf(refs)
}

func outputsOf(refs []string) runner.Outputs {
	_, digest, _ := strings.Cut(refs[0], "@")
	return runner.Outputs{"image": plan.Text(refs[0]), "images": plan.List(slices.Clone(refs)...), "digest": plan.Text(digest)}
}
