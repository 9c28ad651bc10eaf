package imagelist

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// A List is a setting that says which images there are: the path of a file with a list of
// images, or a list in the plan itself. Only this package knows the kinds of items.
// The methods take the name of the field that holds the list, for messages.
type List struct {
	plan.TextOr[plan.Path, []Item]
}

// An Item is one item of a list in the plan: an image's reference, or a Source of images.
// A reference that depends on another step is "" until its value is known, and so are
// the fields of a Source.
type Item = plan.TextOr[string, Source]

// A Source names many images in a list in the plan.
type Source struct {
	// Path of a list of images, as prepare writes it or as plain text with one reference a line. A
	// relative path of a layout in it, oci:PATH:REPOSITORY:TAG, counts from the list.
	File plan.Path `json:"file,omitempty" jsonschema:"oneof_required=file"`
	// Path of an OCI layout, a directory or a tar archive, of which all images are meant. prepare
	// takes none: images in a layout have no registry.
	Layout plan.Path `json:"layout,omitempty" jsonschema:"oneof_required=layout"`
	// Public key of minisign, a file, that has to prove the layout: an archive with a table of its
	// pieces and a signature of that. All bytes are checked before the first one is used. The key says
	// who packed it, not when. oci:LAYOUT:NAME:TAG, one image, takes no key.
	Key plan.Path `json:"key,omitempty"`
	// Repository, HOST/NAME, of which images are selected by their tags; or a pattern, in which *
	// stands for text without a slash and ** for any text, of all such repositories of a registry
	// that shows its catalog. What is selected is kept in the lock file.
	From string `json:"from,omitempty" jsonschema:"oneof_required=from"`
	// Which tags are selected; without it all, but not those of signatures and the like.
	Tags *TagRules `json:"tags,omitempty"`
}

// reference gives the reference that an item is, "" for one that is not known yet, and reports
// whether it is one. That of a whole layout is oci:PATH.
func reference(item Item) (string, bool) {
	if item.Other.Layout != "" {
		return registry.LayoutPrefix + string(item.Other.Layout), true
	}
	return item.Text, item.Other == Source{}
}

// item names an item of the field for messages.
func item(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }

// Validate checks what the plan says itself. What is not known yet passes. layouts says
// whether an item may be a whole layout.
func (l List) Validate(field string, layouts bool) error {
	var errs []error
	for i, it := range l.Other {
		errs = append(errs, it.Other.validate(item(field, i), layouts))
		if it.Text != "" {
			errs = append(errs, plan.At(item(field, i), checkReference(it.Text, layouts)))
		}
	}
	return errors.Join(errs...)
}

func checkReference(name string, layouts bool) error {
	dir, inside, isLayout := registry.CutLayout(name)
	switch {
	case isLayout && inside == "" && !layouts:
		return errNoLayout
	case isLayout && layouts && !filepath.IsAbs(dir):
		return fmt.Errorf("%q: the path of a layout must be absolute", name)
	case isLayout && layouts && inside == "":
		return CheckLayoutPath(dir)
	}
	_, err := PathOf(name)
	return err
}

var errNoLayout = errors.New("images in a layout have no registry, which is needed here")

// CheckLayoutPath checks the path of a layout. An empty one is not known yet and passes.
func CheckLayoutPath(path string) error {
	if strings.ContainsAny(path, ":@") {
		return fmt.Errorf("%q: the path of a layout cannot have a colon or an @ in it", path)
	}
	for _, ending := range []string{".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2"} {
		if strings.HasSuffix(path, ending) {
			err := fmt.Errorf("%q: a layout is a directory or a plain tar archive", path)
			return fault.WithHint(err, "layers are compressed already: name it "+strings.TrimSuffix(path, ending)+".tar")
		}
	}
	return nil
}

// A listFile is a file with a list of images, and the field that names it.
type listFile struct {
	field string
	path  plan.Path
}

// files gives the files that are known, in the order of the list.
func (l List) files(field string) []listFile {
	if l.Text != "" {
		return []listFile{{field, l.Text}}
	}
	var all []listFile
	for i, it := range l.Other {
		if it.Other.File != "" {
			all = append(all, listFile{item(field, i) + ".file", it.Other.File})
		}
	}
	return all
}

// Files gives the files with lists of images, each once.
func (l List) Files() []plan.Path {
	var paths []plan.Path
	for _, f := range l.files("") {
		if !slices.Contains(paths, f.path) {
			paths = append(paths, f.path)
		}
	}
	return paths
}

// Layouts gives the paths of the layouts that the list in the plan names.
func (l List) Layouts() []plan.Path {
	var paths []plan.Path
	for _, it := range l.Other {
		text, _ := reference(it)
		if dir, _, ok := registry.CutLayout(text); ok {
			paths = append(paths, plan.Path(dir))
		}
	}
	return paths
}

// Reads gives the paths of all that the list in the plan names: files, layouts and their keys.
func (l List) Reads() []plan.Path {
	paths := slices.Concat(l.Files(), l.Layouts())
	for _, key := range l.Keys("") {
		paths = append(paths, key)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// references gives the references of the list in the plan. One that is not known yet is
// "", and a selection is the beginning of its images' names with a star.
func (l List) references() []string {
	var names []string
	for _, it := range l.Other {
		if text, ok := reference(it); ok {
			names = append(names, text)
		} else if it.Other.File == "" {
			names = append(names, it.Other.From)
		}
	}
	return names
}

// CheckFiles reads all files and finds the mistakes in them. Without a host, the targets
// are not checked.
func (l List) CheckFiles(w runner.World, field string, at Destination) error {
	var errs []error
	for _, f := range l.files(field) {
		errs = append(errs, plan.At(f.field, checkFile(w, string(f.path), at)))
	}
	return errors.Join(append(errs, l.checkKeys(w, field)...)...)
}

func checkFile(w runner.World, path string, at Destination) error {
	listed, mistakes := readFile(w, path)
	listed = slices.DeleteFunc(listed, func(e Entry) bool {
		_, inside, layout := registry.CutLayout(e.Name)
		return layout && inside == "" // all images of a layout
	})
	_, err := Targets(listed, func(l Entry) (string, error) {
		if at.Host == "" {
			return PathOf(l.Name)
		}
		return Target(l.ListedImage, at, nil)
	})
	return errors.Join(mistakes, err)
}

// Inputs gives the files and what is selected as inputs of a step.
func (l List) Inputs(ctx context.Context, w runner.World, field string, choose Choose) ([]runner.Input, error) {
	var in []runner.Input
	for _, f := range l.Files() {
		path := string(f)
		sums, err := w.Sum(ctx, path, runner.SHA256)
		if err != nil {
			return nil, hostfiles.Unreadable("images", path, err)
		}
		in = append(in, runner.Input{Name: "images " + path, Digest: "sha256:" + sums[runner.SHA256]})
	}
	var errs []error
	for i, it := range l.Other {
		if it.Other.From != "" {
			chosen, err := selectionInput(ctx, it.Other, item(field, i), choose)
			in, errs = append(in, chosen), append(errs, err)
		}
	}
	return in, errors.Join(errs...)
}

// Entries gives the images in the order of the list. It reads the files, and calls choose
// for each selection.
func (l List) Entries(ctx context.Context, w runner.World, field string, choose Choose) ([]Entry, error) {
	if l.Text != "" {
		return readFile(w, string(l.Text))
	}
	var all []Entry
	var errs []error
	for i, it := range l.Other {
		var listed []Entry
		var err error
		switch text, ok := reference(it); {
		case ok:
			listed = []Entry{{tripleo.ListedImage{Name: text}, item(field, i), string(it.Other.Key)}}
		case it.Other.File != "":
			listed, err = readFile(w, string(it.Other.File))
		default:
			listed, err = selected(ctx, it.Other, item(field, i), choose)
		}
		all, errs = append(all, listed...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// TargetsAt gives the images of a list, each once, with its target at a destination. One
// that is in the list at several places by its digest, as a mirror step with several
// destinations gives it, is one image. rename is that of Target.
func TargetsAt(listed []Entry, at Destination, rename func(string) string) ([]registry.Image, error) {
	images, err := Targets(listed, func(e Entry) (string, error) { return Target(e.ListedImage, at, rename) })
	seen := map[string]bool{}
	return slices.DeleteFunc(images, func(im registry.Image) bool {
		name := im.Target + "@" + im.Digest
		again := im.Digest != "" && seen[name]
		seen[name] = true
		return again
	}), err
}
