package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// registryScheme begins the address of an artifact in a registry, as Ironic and Helm write
// it.
const registryScheme = "oci://"

// artifactIn gives the name of the artifact that an address names, and reports whether it
// names one: HOST/NAME:TAG[@DIGEST], or oci:LAYOUT:NAME:TAG[@DIGEST].
func artifactIn(address string) (image string, ok bool) {
	if image, ok = strings.CutPrefix(address, registryScheme); ok {
		return image, true
	}
	_, _, ok = registry.CutLayout(address)
	return address, ok
}

// layoutIn gives the path of the layout that an address names, "" for any other.
func layoutIn(address string) string {
	dir, _, _ := registry.CutLayout(address)
	return dir
}

// artifacts gives the addresses that are artifacts.
func (f *fetchFile) artifacts() []string {
	return slices.DeleteFunc(slices.Clone(f.urls()), func(address string) bool { _, ok := artifactIn(address); return !ok })
}

// checkAddress checks an address of the file. An empty one is not known yet and passes.
func checkAddress(address string) error {
	image, ok := artifactIn(address)
	if !ok {
		return download.CheckURL(address)
	}
	if dir, _, isLayout := registry.CutLayout(image); isLayout {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("%q: the path of a layout must be absolute", address)
		}
		if err := imagelist.CheckLayoutPath(dir); err != nil {
			return err
		}
	}
	if _, err := imagelist.PathOf(image); err != nil {
		return fault.WithHint(err, hintOr(err, "write oci://HOST/NAME:TAG or oci:LAYOUT:NAME:TAG"))
	}
	return nil
}

// A blob is the file of an artifact.
type blob struct {
	address  string // with the digest of the artifact
	artifact *registry.Artifact
	file     registry.File
}

// digests gives the digest of the file.
func (b *blob) digests() (download.Digests, error) {
	switch algo, hex, _ := strings.Cut(b.file.Digest, ":"); algo {
	case "sha256":
		return download.Digests{SHA256: hex}, nil
	case "sha512":
		return download.Digests{SHA512: hex}, nil
	}
	return download.Digests{}, fmt.Errorf("%s: its digest is %s; sha256 and sha512 are supported", b.address, b.file.Digest)
}

// within adds the digest of the file to those that are wanted of it. It is an error if the
// artifact has another file.
func (b *blob) within(want download.Digests) (download.Digests, error) {
	own, err := b.digests()
	if err != nil {
		return want, err
	}
	for _, pair := range []struct {
		algo, have string
		wanted     *string
	}{{"sha256", own.SHA256, &want.SHA256}, {"sha512", own.SHA512, &want.SHA512}} {
		if pair.have == "" {
			continue
		}
		if *pair.wanted != "" && *pair.wanted != pair.have {
			err := &download.DigestError{Algo: pair.algo, Got: pair.have, Want: *pair.wanted}
			return want, fmt.Errorf("%s has another file %q: %w", b.address, b.file.Title, err)
		}
		*pair.wanted = pair.have
	}
	return want, nil
}

// fileAt gives the file in the artifact at an address, if that is the one that is wanted and is
// there, and the digests that it has to have.
func (d *diff) fileAt(ctx context.Context, address string) (*blob, download.Digests, error) {
	b, err := d.blobAt(ctx, d.world, address)
	if err != nil {
		return nil, d.want, err
	}
	want, err := b.within(d.want)
	if err == nil {
		err = d.out.Registry().CheckFile(b.artifact, b.file)
	}
	return b, want, err
}

// blobAt finds the file in the artifact at an address, once in a run. It reads manifests.
func (f *fetchFile) blobAt(ctx context.Context, w runner.World, address string) (*blob, error) {
	if b := f.blobs[address]; b != nil {
		return b, nil
	}
	image, _ := artifactIn(address)
	digest := ""
	if dir := layoutIn(address); dir != "" {
		if err := imagelist.CheckLayout(ctx, w, f.out.Registry(), dir, string(setting.Text(f.Key))); err != nil {
			return nil, err
		}
	} else if !imagelist.HasDigest(image) {
		var err error
		if digest, err = f.out.Resolve(ctx, image); err != nil {
			return nil, err
		}
	}
	a, err := f.out.Registry().Artifact(ctx, image, digest)
	if err != nil {
		return nil, f.out.ExplainNotFound(err, image)
	}
	b := &blob{address: imagelist.RefWithDigest(address, a.Digest), artifact: a}
	if b.file, err = choose(a.Files, f.Name); err != nil {
		return nil, fmt.Errorf("%s: %w", b.address, err)
	}
	if f.blobs == nil {
		f.blobs = map[string]*blob{}
	}
	f.blobs[address] = b
	return b, nil
}

// choose gives the file with a title, or without one the only file.
func choose(files []registry.File, title string) (registry.File, error) {
	fits := slices.DeleteFunc(slices.Clone(files), func(f registry.File) bool { return title != "" && f.Title != title })
	digests, titles := distinct(fits, func(f registry.File) string { return f.Digest }), distinct(fits, func(f registry.File) string { return f.Title })
	switch {
	case len(digests) == 1:
		return fits[0], nil
	case len(digests) == 0:
		known := distinct(files, func(f registry.File) string { return f.Title })
		err := fmt.Errorf("it has no file %q, but %s", title, quoted(known))
		if hint := human.DidYouMean(title, known); hint != "" {
			return registry.File{}, fault.WithHint(err, hint)
		}
		return registry.File{}, err
	case len(titles) > 1:
		err := fmt.Errorf("it has %d files: %s", len(titles), quoted(titles))
		return registry.File{}, fault.WithHint(err, "name: TITLE says which of them is meant")
	}
	err := fmt.Errorf("it has %d files %q: %s", len(digests), titles[0], strings.Join(distinct(fits, described), ", "))
	return registry.File{}, fault.WithHint(err, "the digest of its manifest says which of them is meant: oci://HOST/NAME@sha256:...")
}

// described says of a disk image in an index what it is for.
func described(f registry.File) string {
	kind := strings.Join(slices.DeleteFunc([]string{f.Disktype, f.Platform}, func(s string) bool { return s == "" }), " for ")
	if kind == "" {
		return f.Manifest
	}
	return fmt.Sprintf("%s (%s)", f.Manifest, kind)
}

// distinct gives what files have, each once, in their order.
func distinct(files []registry.File, of func(registry.File) string) []string {
	var all []string
	for _, f := range files {
		if text := of(f); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// maxTitles is how many titles a message names.
const maxTitles = 20

// quoted writes titles, which others have chosen.
func quoted(titles []string) string {
	texts := make([]string, len(titles))
	for i, title := range titles {
		texts[i] = fmt.Sprintf("%q", title)
	}
	return human.Some(texts, maxTitles)
}

// source lets a download read the file from the artifact.
func (f *fetchFile) source(b *blob) *download.Source {
	return &download.Source{Size: b.file.Size, Open: func(ctx context.Context, from int64) (io.ReadCloser, error) {
		return f.out.Registry().OpenFile(ctx, b.artifact, b.file, from)
	}}
}

// findBlob takes the digest of the file from the artifact.
func (f *fetchFile) findBlob(ctx context.Context, w runner.World, e *goal) error {
	b, err := f.blobAt(ctx, w, f.urls()[0])
	if err != nil {
		return err
	}
	if e.want, err = b.within(e.want); err != nil {
		return err
	}
	e.inputs = append(e.inputs, runner.Input{Name: "source", Digest: b.file.Digest})
	return nil
}

// places gives the registries of artifacts, and the names that they have there.
func (f *fetchFile) places() (looks []runner.Place, asks []runner.Server) {
	var images []string
	server := runner.Server{Kind: runner.RegistryServer, Field: "url"}
	for _, address := range f.artifacts() {
		image, _ := artifactIn(address)
		if host, _, _, err := registry.Split(image); err == nil && layoutIn(address) == "" {
			images, server.Hosts = append(images, image), append(server.Hosts, host)
		}
	}
	if len(images) == 0 {
		return nil, nil
	}
	return imagelist.SourcePlaces(images), []runner.Server{server}
}

// moved reports the locked tags that stand for something else now.
func (f *fetchFile) moved(ctx context.Context) ([]string, []runner.Moved) {
	var images []string
	for _, address := range f.artifacts() {
		if image, _ := artifactIn(address); layoutIn(address) == "" && !imagelist.HasDigest(image) {
			images = append(images, image)
		}
	}
	if len(images) == 0 {
		return nil, nil
	}
	return f.out.MovedTags(ctx, images)
}

// Resolve implements runner.Resolver: it looks up what the tags of artifacts stand for.
func (f *fetchFile) Resolve(ctx context.Context, _ runner.World) (*runner.Finding, error) {
	var errs []error
	asked := false
	for _, address := range f.artifacts() {
		image, _ := artifactIn(address)
		if layoutIn(address) != "" || imagelist.HasDigest(image) {
			continue
		}
		asked = true
		_, err := f.out.Resolve(ctx, image)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil || !asked {
		return nil, err
	}
	return &runner.Finding{Outputs: runner.Outputs{"path": plan.Text(f.target())}}, nil
}
