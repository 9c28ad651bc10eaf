package glanceupload

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// directoryBench is a bench whose images go to a directory.
func directoryBench(t *testing.T) *glanceBench {
	t.Helper()
	b := newGlanceBench(t)
	b.glanceUpload.Cloud, b.To = nil, &imageDirectory{plan.Path(b.dir + "/ironic/images")}
	b.Release, b.clouds = "rhosp16.2", nil // it asks no cloud
	return b
}

func TestGlanceUploadToADirectory(t *testing.T) {
	b := directoryBench(t)
	c := steptest.Diff(t, b, &runner.Disk{})
	from := " from " + b.dir + "/images/"
	if diff := cmp.Diff([]string{
		"create directory ironic",
		"create directory ironic/images",
		"create image ironic/images/overcloud-full.vmlinuz" + from + "overcloud-full.vmlinuz",
		"create image ironic/images/overcloud-full.initrd" + from + "overcloud-full.initrd",
		"create image ironic/images/overcloud-full.qcow2" + from + "overcloud-full.qcow2",
		"create file httpboot/agent.kernel" + from + "ironic-python-agent.kernel",
		"create file httpboot/agent.ramdisk" + from + "ironic-python-agent.initramfs",
	}, steptest.ItemLines(b.dir, c)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if got, want := c.Summary, "3 images (49.0 KiB) to place, 2 boot files to place"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	checkBegan(t, steptest.Apply(t, b))
	dir := b.dir + "/ironic/images"
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o775 {
		t.Errorf("directory: %v, %v", fi.Mode(), err)
	}
	for _, name := range []string{"overcloud-full.vmlinuz", "overcloud-full.initrd", "overcloud-full.qcow2"} {
		if steptest.ReadFile(t, dir+"/"+name) != testbed.OvercloudFiles()[name] {
			t.Errorf("%s is another", name)
		}
	}
	out, err := b.Verify(t.Context(), (&runner.Disk{}).Hard())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := out["image_id"].String(), "file://"+dir+"/overcloud-full.qcow2"; got != want {
		t.Errorf("image_id %s, want %s", got, want)
	}
	if got, want := out["digests"].Items()[2], "overcloud-full@sha512:"+steptest.SHA512(testbed.OvercloudFiles()["overcloud-full.qcow2"]); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestGlanceUploadToADirectoryLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(nil), Fresh: func(t *testing.T) *steptest.Fixture {
		b := directoryBench(t)
		dir := b.dir + "/ironic/images/"
		return &steptest.Fixture{
			New:  func() runner.Step { s := *b.glanceUpload; return &s },
			Dirs: []string{b.dir},
			Break: []steptest.Break{
				{Name: "an image changes", Do: func(t *testing.T) { steptest.PutFile(t, dir+"overcloud-full.qcow2", testbed.QCOW2("other")) }},
				{Name: "an image goes away", Do: func(t *testing.T) { steptest.Remove(t, dir+"overcloud-full.initrd") }},
				{Name: "the directory goes away", Do: func(t *testing.T) { steptest.Remove(t, dir) }},
				{Name: "a file changes", Do: func(t *testing.T) { steptest.PutFile(t, b.dir+"/images/overcloud-full.initrd", testbed.Ramdisk("new")) }},
			},
		}
	}})
}

// What is replaced gets the name that director's upload gives it, by its own
// time, and is kept; with replace it goes.
func TestGlanceUploadReplacesInADirectory(t *testing.T) {
	b := directoryBench(t)
	b.Architecture, b.Platform = "x86_64", "SNB"
	dir := b.dir + "/ironic/images/SNB-x86_64/"
	steptest.Apply(t, b)
	for i, content := range []string{"second", "third"} {
		at := time.Date(2021, 10, 15, 14, 12, 10*(i+1), 0, time.UTC)
		if err := os.Chtimes(dir+"overcloud-full.qcow2", at, at); err != nil {
			t.Fatal(err)
		}
		steptest.PutFile(t, b.dir+"/images/overcloud-full.qcow2", testbed.QCOW2(content))
		c := steptest.Diff(t, b, &runner.Disk{})
		if got := steptest.ItemLines(b.dir, c); len(got) != 1 || !strings.Contains(got[0], "its content differs; it becomes overcloud-full_20211015T1412") {
			t.Errorf("items %v", got)
		}
		if _, err := b.Verify(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), `image "SNB-x86_64-overcloud-full" of `) {
			t.Errorf("got error %v", err)
		}
		steptest.Apply(t, b)
	}
	want := []string{
		"overcloud-full.initrd", "overcloud-full.qcow2", "overcloud-full.vmlinuz",
		"overcloud-full_20211015T14121.qcow2", "overcloud-full_20211015T14122.qcow2",
	}
	if diff := cmp.Diff(want, dirNames(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if steptest.ReadFile(t, dir+"overcloud-full_20211015T14122.qcow2") != testbed.QCOW2("second") {
		t.Error("the old image is another")
	}

	steptest.PutFile(t, dir+"overcloud-full_mine.qcow2", "") // nobody's business
	b.UpdateExisting, b.Keep = "replace", 1
	c := steptest.Diff(t, b, &runner.Disk{})
	if got := steptest.ItemLines(b.dir, c); len(got) != 1 || !strings.HasPrefix(got[0], "remove file ironic/images/SNB-x86_64/overcloud-full_20211015T14121.qcow2 had the name") {
		t.Errorf("items %v", got)
	}
	steptest.Apply(t, b)
	b.Keep = 0
	steptest.PutFile(t, b.dir+"/images/overcloud-full.qcow2", testbed.QCOW2("fourth"))
	steptest.Apply(t, b)
	want = []string{"overcloud-full.initrd", "overcloud-full.qcow2", "overcloud-full.vmlinuz", "overcloud-full_mine.qcow2"}
	if diff := cmp.Diff(want, dirNames(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if steptest.ReadFile(t, dir+"overcloud-full.qcow2") != testbed.QCOW2("fourth") {
		t.Error("the new image is another")
	}
}

func dirNames(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

func TestGlanceUploadConvertsIntoADirectory(t *testing.T) {
	b := directoryBench(t)
	b.Convert = "raw"
	path := b.dir + "/images/overcloud-full.qcow2"
	c := steptest.Diff(t, b, &runner.Disk{})
	if got := steptest.ItemLines(b.dir, c)[4]; !strings.HasSuffix(got, "overcloud-full.qcow2, unpacked from qcow2") || !strings.Contains(got, "overcloud-full.raw") {
		t.Errorf("item %s", got)
	}
	steptest.Apply(t, b)
	raw := b.dir + "/ironic/images/overcloud-full.raw"
	if steptest.ReadFile(t, raw) != rawOf(t, path) {
		t.Error("the file is not what the image stands for")
	}
	if fi, err := os.Stat(raw); err != nil || blocks(fi)*512 >= fi.Size() {
		t.Errorf("it is not sparse: %d blocks, %v", blocks(fi), err)
	}
	// The next run remembers what it unpacked to.
	rec := steptest.Record(t, b)
	out, err := b.Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	rec.Outputs = out
	if f, err := b.Diff(t.Context(), &runner.Disk{}, rec); err != nil || f.Change != nil {
		t.Errorf("found %+v, %v", f, err)
	}
	rec.Outputs["digests"] = plan.List("overcloud-full@sha512:beef")
	if f, err := b.Diff(t.Context(), &runner.Disk{}, rec); err != nil || f.Change != nil {
		t.Errorf("with a wrong memory found %+v, %v", f, err)
	}
	steptest.PutFile(t, path, testbed.QCOW2("new"))
	steptest.Apply(t, b)
	if steptest.ReadFile(t, raw) != rawOf(t, path) {
		t.Error("the new file is not what the image stands for")
	}
}

func TestGlanceUploadRefusesDirectories(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, b *glanceBench)
		want   string
	}{
		{"a file in place of the directory", func(t *testing.T, b *glanceBench) { steptest.PutFile(t, b.dir+"/ironic/images", "") }, "is not a directory"},
		{"a directory in place of an image", func(t *testing.T, b *glanceBench) {
			steptest.MakeDir(t, b.dir+"/ironic/images/overcloud-full.qcow2", 0o755)
		}, "is in the way: it is not a regular file"},
		{"an image with a backing file", func(t *testing.T, b *glanceBench) {
			image := []byte(testbed.QCOW2("x"))
			image[15] = 200
			steptest.PutFile(t, b.dir+"/images/overcloud-full.qcow2", string(image))
		}, "is not uploaded: it names a backing file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := directoryBench(t)
			tc.change(t, b)
			if _, err := b.Diff(t.Context(), &runner.Disk{}, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// A name that another file has is not taken from it.
func TestGlanceUploadIntoADirectoryWhereTheOldNameIsTaken(t *testing.T) {
	b := directoryBench(t)
	steptest.Apply(t, b)
	image := b.dir + "/ironic/images/overcloud-full.qcow2"
	fi, err := os.Stat(image)
	if err != nil {
		t.Fatal(err)
	}
	steptest.PutFile(t, backupPath(image, fi.ModTime()), "mine")
	steptest.PutFile(t, b.dir+"/images/overcloud-full.qcow2", testbed.QCOW2("new"))
	c := steptest.Diff(t, b, &runner.Disk{})
	if _, err := c.Apply(t.Context(), &steptest.Progress{}); err == nil || !strings.Contains(err.Error(), "cannot be renamed to") {
		t.Errorf("got error %v", err)
	}
	if steptest.ReadFile(t, image) != testbed.OvercloudFiles()["overcloud-full.qcow2"] || steptest.ReadFile(t, backupPath(image, fi.ModTime())) != "mine" {
		t.Error("a file was lost")
	}
	if leftovers, err := filepath.Glob(b.dir + "/ironic/images/.*"); err != nil || len(leftovers) != 0 {
		t.Errorf("left behind: %v", leftovers)
	}
	if _, err := os.Stat(b.dir + "/ironic/images/overcloud-full.raw"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A file that is not there yet is hashed while it is copied.
func TestGlanceUploadToADirectoryReadsAFileOnce(t *testing.T) {
	b := directoryBench(t)
	b.HTTPBoot, b.WholeDisk = "", true
	path := b.dir + "/images/overcloud-full.qcow2"
	aged(t, path)
	w := &reluctant{Disk: &runner.Disk{}, t: t}
	s := *b.glanceUpload
	s.BeforeApply()
	if in, err := s.Inputs(t.Context(), w); err != nil || len(in) != 1 || in[0].Digest != "" {
		t.Fatalf("inputs %v, %v", in, err)
	}
	f, err := s.Diff(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil || out == nil {
		t.Fatalf("the outputs are %v, %v, and should be confirmed", out, err)
	}
	if in, err := s.Inputs(t.Context(), w); err != nil || in[0].Digest != "sha512:"+steptest.SHA512(steptest.ReadFile(t, path)) {
		t.Errorf("inputs %v, %v", in, err)
	}
}
