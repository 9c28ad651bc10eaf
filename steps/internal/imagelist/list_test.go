package imagelist

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

func entries(names []string) []Entry {
	var all []Entry
	for _, name := range names {
		all = append(all, Entry{ListedImage: tripleo.ListedImage{Name: name}})
	}
	return all
}

// An image that a list names by tag, and by the same tag with a digest, is one image.
func TestTargetsOfOneImage(t *testing.T) {
	sum, other := "@sha256:"+strings.Repeat("1", 64), "@sha256:"+strings.Repeat("2", 64)
	for name, tt := range map[string]struct{ list, want []string }{
		"the tag first":                  {[]string{"q.io/a:1", "q.io/a:1" + sum}, []string{"q.io/a:1" + sum}},
		"the digest first":               {[]string{"q.io/a:1" + sum, "q.io/b:1", "q.io/a:1"}, []string{"q.io/a:1" + sum, "q.io/b:1"}},
		"the same twice":                 {[]string{"q.io/a:1" + sum, "q.io/a:1" + sum}, []string{"q.io/a:1" + sum}},
		"another tag":                    {[]string{"q.io/a:2", "q.io/a:1" + sum}, []string{"q.io/a:2", "q.io/a:1" + sum}},
		"a digest alone":                 {[]string{"q.io/a:1", "q.io/a" + sum}, []string{"q.io/a:1", "q.io/a" + sum}},
		"two digests, which is an error": {[]string{"q.io/a:1" + sum, "q.io/a:1" + other}, []string{"q.io/a:1" + sum, "q.io/a:1" + other}},
	} {
		images, err := Targets(entries(tt.list), func(e Entry) (string, error) { return PathOf(e.Name) })
		var got []string
		for _, im := range images {
			got = append(got, im.Source)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// A disk is a world of files in memory. The digest of a file is its text.
type disk struct {
	runner.World
	files map[string]string
}

func (d disk) Open(path string) (io.ReadCloser, error) {
	text, ok := d.files[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

func (d disk) Meaning(text string) string { return text }

func (d disk) Sum(_ context.Context, path string, _ ...runner.Algo) (map[runner.Algo]string, error) {
	return map[runner.Algo]string{runner.SHA256: d.files[path]}, nil
}

func mixed(items ...Item) List { return List{plan.TextOr[plan.Path, []Item]{Other: items}} }

func fileItem(path plan.Path) Item { return Item{Other: Source{File: path}} }

// Images come in the order of the list, whatever kind of item they are from.
func TestMixedList(t *testing.T) {
	w := disk{files: map[string]string{
		"/a": "q.io/a:1\nq.io/b:1\n", "/b": "container_images:\n- imagename: q.io/c:1\n  push_destination: r.example/ns\n",
		"/bad": "q.io/a:1\nq.io/b\n", "/push": "container_images:\n- imagename: q.io/c:1\n  push_destination: elsewhere.example\n",
	}}
	l := mixed(Item{Text: "q.io/x:1"}, fileItem("/b"), Item{Text: "q.io/y:1"}, fileItem("/a"), fileItem("/b"))
	listed, err := l.Entries(t.Context(), w, "images", nil)
	if err != nil {
		t.Fatal(err)
	}
	images, err := TargetsAt(listed, Destination{"r.example", func(a, b string) bool { return a == b }}, nil)
	var got []string
	for _, im := range images {
		got = append(got, im.Target)
	}
	want := []string{"r.example/x:1", "r.example/ns/c:1", "r.example/y:1", "r.example/a:1", "r.example/b:1"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	in, err := l.Inputs(t.Context(), w, "images", nil)
	wantIn := []runner.Input{{Name: "images /b", Digest: "sha256:" + w.files["/b"]}, {Name: "images /a", Digest: "sha256:" + w.files["/a"]}}
	if diff := cmp.Diff(wantIn, in); diff != "" || err != nil {
		t.Errorf("inputs: %v (-want +got):\n%s", err, diff)
	}
	l = mixed(fileItem("/a"), fileItem("/bad"), fileItem("/push"), fileItem("/none"))
	err = l.CheckFiles(w, "expect", Destination{"r.example", func(a, b string) bool { return a == b }})
	for _, want := range []string{
		`expect[1].file: list of images /bad:2: image "q.io/b" has no tag`, "expect[2].file: list of images /push:2: ", "expect[3].file: list of images /none: file does not exist",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// What is not known yet passes, and a list that is not known yet has an unknown registry.
func TestListBeforeARun(t *testing.T) {
	l := mixed(Item{}, Item{Text: "q.io/x"}, fileItem("/a"), Item{Text: "oci:media"}, Item{Text: "oci:/m.tgz"}, Item{Text: "q.io/y@" + "sha256:" + strings.Repeat("1", 64)})
	errs := fmt.Sprint(l.Validate("images", true))
	for _, want := range []string{`images[1]: image "q.io/x" has no tag`, `images[3]: "oci:media": the path of a layout must be absolute`, `images[4]: "/m.tgz": a layout is a directory`} {
		if !strings.Contains(errs, want) {
			t.Errorf("%s, want %s", errs, want)
		}
	}
	if n := strings.Count(errs, "\n"); n != 2 {
		t.Errorf("further mistakes: %s", errs)
	}
	var got []string
	for _, s := range l.Servers("images", HasDigest) {
		got = append(got, s.Field+fmt.Sprint(s.Hosts))
	}
	if diff := cmp.Diff([]string{"images[0][]", "images[1][q.io]", "images[2][]"}, got); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
	place := l.Place("r.example", "images", nil)
	if diff := cmp.Diff([]string{"/a"}, place.Lists); diff != "" || len(place.Names) != 5 {
		t.Errorf("%v (-want +got):\n%s", place.Names, diff)
	}
}
