package registry

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// toLayout gives images the same names in a layout.
func toLayout(images []Image, dir string) []Image {
	all := slices.Clone(images)
	for i, im := range all {
		_, name, _ := strings.Cut(im.Source, "/")
		all[i].Target = LayoutPrefix + dir + ":" + name
	}
	return all
}

// fromLayout gives all images of a layout, to be pushed to a registry.
func fromLayout(t *testing.T, c *Client, dir string) []Image {
	t.Helper()
	names, err := c.LayoutImages(dir)
	if err != nil {
		t.Fatal(err)
	}
	images := make([]Image, len(names))
	for i, n := range names {
		_, name, _ := CutLayout(n)
		name, d, _ := strings.Cut(name, "@")
		images[i] = Image{Source: n, Target: dstHost + "/" + name, Digest: d}
	}
	return images
}

// forms runs a test with a layout as a directory and as an archive.
func forms(t *testing.T, test func(t *testing.T, in func(dir string) string)) {
	t.Helper()
	t.Run("directory", func(t *testing.T) {
		test(t, func(dir string) string { return filepath.Join(dir, "media") })
	})
	t.Run("archive", func(t *testing.T) {
		test(t, func(dir string) string { return filepath.Join(dir, "media.tar") })
	})
}

// unpacked gives the directory that a layout is, or comes to when it is unpacked.
func unpacked(t *testing.T, path string) string {
	t.Helper()
	if !strings.HasSuffix(path, ".tar") {
		return path
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		name := filepath.Join(dir, h.Name)
		text, err := io.ReadAll(tr)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// sound says that a layout holds nothing but what is whole: every file of
// blobs has its digest, and all that index.json names is there.
func sound(t *testing.T, path string) (blobs int, names []string) {
	t.Helper()
	dir := unpacked(t, path)
	err := filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if got := digest.FromBytes(text); got.Encoded() != d.Name() {
			t.Errorf("%s holds %s", path, got)
		}
		blobs++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var idx layoutindex.Index
	if err := json.Unmarshal(text, &idx); err != nil {
		t.Fatal(err)
	}
	for _, d := range idx.Manifests {
		if fi, err := os.Stat(filepath.Join(dir, "blobs", "sha256", d.Digest.Encoded())); err != nil || fi.Size() != d.Size {
			t.Errorf("index.json names %s of %d bytes: %v, %v", d.Digest, d.Size, fi, err)
		}
		names = append(names, d.Annotations[layoutindex.NameKey])
	}
	if text, err := os.ReadFile(filepath.Join(dir, "oci-layout")); err != nil || string(text) != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout: %q, %v", text, err)
	}
	return blobs, names
}

// What is carried over in a layout arrives at the other side as it was; every
// blob is read once, and a second run adds only what is new.
func TestLayoutThereAndBack(t *testing.T) {
	forms(t, testLayoutThereAndBack)
}

func testLayoutThereAndBack(t *testing.T, in func(string) string) {
	src, dst, c := pair(t)
	images, unique := src.set(t)
	dir := in(filepath.Join(t.TempDir(), "a", "b"))
	carried := toLayout(images[:40], dir)
	src.reset()
	table := plan(t, c, carried)
	if _, err := os.Stat(dir); err == nil {
		t.Error("planning made the directory")
	}
	if err := c.Execute(t.Context(), table, Options{Parallel: 8}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, carried)

	carried = toLayout(images, dir)
	table = plan(t, c, carried)
	if got := table.Summary(); got.Unchanged != 40 || got.Copies != 5 {
		t.Errorf("the second table: %+v", got)
	}
	src.rest()
	before := src.counts["GET blobs"]
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	if src.rest(); src.counts["GET blobs"] != setBlobs || before == setBlobs {
		t.Errorf("%d blobs were read in the first run, %d in all, want %d", before, src.counts["GET blobs"], setBlobs)
	}
	blobs, names := sound(t, dir)
	if blobs != setBlobs+setImages || len(names) != setImages || !slices.IsSorted(names) || names[0] != "rhosp13/openstack-00:13.0-1" {
		t.Errorf("%d blobs, names %v", blobs, names)
	}
	if got := plan(t, c, carried).Summary(); got.Unchanged != setImages {
		t.Errorf("the third table: %+v", got)
	}

	// At the other side there is no source any more.
	far := newClient(t, Host{Name: dstHost, Handler: dst})
	pushed := fromLayout(t, far, dir)
	table = plan(t, far, pushed)
	if got := table.Summary(); got.Copies != setImages || got.Blobs != setBlobs || got.Bytes != unique {
		t.Errorf("the table at the other side: %+v", got)
	}
	if err := far.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, far, pushed)
	mirrored(t, c, images)
	if dst.counts["PUT blobs/uploads"] != setBlobs {
		t.Errorf("%v, want %d uploads", dst.counts, setBlobs)
	}
}

// Indexes, cosign's tags and referrers are carried over, too.
func TestLayoutCarriesAllKinds(t *testing.T) {
	forms(t, testLayoutCarriesAllKinds)
}

func testLayoutCarriesAllKinds(t *testing.T, in func(string) string) {
	src, dst, c := pair(t)
	index, by := multi(t, src, "ns/app", "multi")
	src.image(t, "ns/app", cosign(index, ".sig"), nil, random(90, 100))
	sbom := src.referrer(t, "ns/app", index, "application/spdx+json", random(91, 100))
	dir := in(t.TempDir())
	want := Selection{Signatures: CopySignatures}
	table, err := c.Plan(t.Context(), []Image{{Source: srcHost + "/ns/app:multi", Target: LayoutPrefix + dir + ":ns/app:multi"}}, want)
	if err != nil || table.Err() != nil {
		t.Fatal(err, table.Err())
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	sound(t, dir)
	pushed := fromLayout(t, c, dir)
	if len(pushed) != 1 {
		t.Fatalf("images of the layout: %+v", pushed)
	}
	if table, err = c.Plan(t.Context(), pushed, Selection{Signatures: RequireSignatures}); err != nil || table.Images[0].Attached() != 2 {
		t.Fatalf("%+v, %v, %v", table.Images[0], table.Err(), err)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, pushed)
	for _, at := range []string{":multi", "@" + by["linux/arm/v7"], ":" + cosign(index, ".sig"), "@" + sbom} {
		if _, err := c.Resolve(t.Context(), dstHost+"/ns/app"+at); err != nil {
			t.Error(err)
		}
	}
	if dst.counts["PUT manifests"] != 8 {
		t.Errorf("%v", dst.counts)
	}
}

func TestLayoutToLayout(t *testing.T) {
	forms(t, testLayoutToLayout)
}

func testLayoutToLayout(t *testing.T, in func(string) string) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	one, two := in(t.TempDir()), in(filepath.Join(t.TempDir(), "two"))
	if err := c.Execute(t.Context(), plan(t, c, toLayout(images, one)), Options{}); err != nil {
		t.Fatal(err)
	}
	names, err := c.LayoutImages(one)
	if err != nil {
		t.Fatal(err)
	}
	var copies []Image
	for _, n := range names {
		_, name, _ := CutLayout(n)
		name, d, _ := strings.Cut(name, "@")
		copies = append(copies, Image{Source: n, Target: LayoutPrefix + two + ":" + name, Digest: d})
	}
	if err := c.Execute(t.Context(), plan(t, c, copies), Options{}); err != nil {
		t.Fatal(err)
	}
	a, _ := sound(t, one)
	b, _ := sound(t, two)
	if a != b || a == 0 {
		t.Errorf("%d blobs became %d", a, b)
	}
	mirrored(t, c, copies)
}

// An image that could not be copied whole is not named in the layout.
func TestLayoutNamesNothingBroken(t *testing.T) {
	forms(t, testLayoutNamesNothingBroken)
}

func testLayoutNamesNothingBroken(t *testing.T, in func(string) string) {
	src, _, c := pair(t)
	images, base := three(t, src)
	dir := in(t.TempDir())
	src.act(refuse("GET", "/v2/ns/a/blobs/"+digestOf(base), 404))
	table := plan(t, c, toLayout(images, dir))
	src.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "GET" || !strings.HasSuffix(r.URL.Path, "/blobs/"+digestOf(base)) {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	if err := c.Execute(t.Context(), table, Options{}); err == nil {
		t.Fatal("no error")
	}
	if _, err := c.LayoutImages(dir); err == nil {
		t.Error("something is named")
	}
	src.act(nil)
	if err := c.Execute(t.Context(), plan(t, c, toLayout(images, dir)), Options{}); err != nil {
		t.Fatal(err)
	}
	sound(t, dir)
}

// Several runs may write into one layout at the same time.
func TestLayoutManyWriters(t *testing.T) {
	src, _, _ := pair(t)
	images, _ := src.set(t)
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 3 {
		c := newClient(t, Host{Name: srcHost, Handler: src})
		part := toLayout(images[i*15:(i+1)*15], dir)
		all.Go(func() {
			table, err := c.Plan(t.Context(), part, Selection{})
			if err == nil {
				err = c.Execute(t.Context(), table, Options{})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if blobs, names := sound(t, dir); blobs != setBlobs+setImages || len(names) != setImages {
		t.Errorf("%d blobs, %d names", blobs, len(names))
	}
}

func TestLayoutHeals(t *testing.T) {
	src, _, c := pair(t)
	images, base := three(t, src)
	dir := t.TempDir()
	carried := toLayout(images, dir)
	if err := c.Execute(t.Context(), plan(t, c, carried), Options{}); err != nil {
		t.Fatal(err)
	}
	table := plan(t, c, carried)
	manifest := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(table.Images[0].Digest, "sha256:"))
	blob := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digestOf(base), "sha256:"))
	for _, path := range []string{manifest, blob} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	checked, err := c.Check(t.Context(), carried, Selection{}, true)
	if err != nil || checked[0].Have != "" || len(checked[1].Lost) != 1 {
		t.Errorf("%+v %+v %v", checked[0], checked[1], err)
	}
	if err := c.Execute(t.Context(), plan(t, c, carried), Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, carried)
}

// What the files of a layout are called.
const (
	testLayoutFile    = "oci-layout"
	testLayoutVersion = `{"imageLayoutVersion":"1.0.0"}`
	testIndexFile     = "index.json"
	testTarBlock      = 512
	testManifestType  = "application/vnd.oci.image.manifest.v1+json"
)

// The first part of a name that bayplan has written is not a registry's host, though it has a
// dot.
func TestLayoutNameWithADot(t *testing.T) {
	forms(t, func(t *testing.T, in func(string) string) {
		src, _, c := pair(t)
		images, _ := three(t, src)
		dir := in(t.TempDir())
		name := LayoutPrefix + dir + ":openstack.kolla/keystone:1"
		if err := c.Execute(t.Context(), plan(t, c, []Image{{Source: images[0].Source, Target: name}}), Options{}); err != nil {
			t.Fatal(err)
		}
		got, err := newClient(t).LayoutImages(dir)
		if err != nil || len(got) != 1 || !strings.HasPrefix(got[0], name+"@") {
			t.Errorf("got %v, %v, want %s", got, err, name)
		}
	})
}
