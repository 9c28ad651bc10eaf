package glanceupload

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/diskimage"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// listBench is a bench whose step has images of its own.
func listBench(t *testing.T) *glanceBench {
	t.Helper()
	b := newGlanceBench(t)
	file := func(name string) plan.Path { return plan.Path(b.dir + "/images/" + name) }
	steptest.PutFile(t, string(file("data.raw")), strings.Repeat("raw data ", 1000))
	b.From, b.HTTPBoot = nil, ""
	b.Images = []uploadedImage{
		{
			Name: "web", File: file("overcloud-full.qcow2"), DiskFormat: "qcow2", Visibility: "private", Kernel: "web-kernel", Ramdisk: "web-ramdisk",
			Properties: map[string]string{"os_distro": "rhel", "hw_disk_bus": "virtio"}, MinDisk: 10, MinRAM: 2048,
		},
		{Name: "web-kernel", File: file("overcloud-full.vmlinuz"), DiskFormat: "aki"},
		{Name: "web-ramdisk", File: file("overcloud-full.initrd"), DiskFormat: "ari"},
		{Name: "data", File: file("data.raw"), DiskFormat: "raw", Visibility: "community"},
	}
	return b
}

func TestGlanceUploadOfAList(t *testing.T) {
	b := listBench(t)
	c := steptest.Diff(t, b, &runner.Disk{})
	if diff := cmp.Diff([]string{
		"create image web-kernel aki, public", "create image web-ramdisk ari, public",
		"create image data raw, community", "create image web qcow2, private",
	}, steptest.ItemLines(b.dir, c)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	steptest.Apply(t, b)
	all := b.all(t)
	web := all["web"]
	if web.Visibility != "private" || web.MinDisk != 10 || web.MinRAM != 2048 || web.Properties["os_distro"] != "rhel" ||
		web.Properties["kernel_id"] != all["web-kernel"].ID || web.Properties["ramdisk_id"] != all["web-ramdisk"].ID {
		t.Errorf("web is %+v", web)
	}
	if c := steptest.Diff(t, b, &runner.Disk{}); c != nil {
		t.Errorf("there is still to do: %v", steptest.ItemLines(b.dir, c))
	}
	out, err := b.Verify(t.Context(), (&runner.Disk{}).Hard())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := out["ids"].Items()[3], web.ID; got != want || out["image_id"].String() != "" {
		t.Errorf("outputs %v", out)
	}

	b.Images[0].Properties["hw_disk_bus"], b.Images[0].MinDisk, b.Images[3].Visibility = "scsi", 20, "public"
	c = steptest.Diff(t, b, &runner.Disk{})
	if diff := cmp.Diff([]string{"update image data sets public", "update image web sets hw_disk_bus, min_disk and min_ram"}, steptest.ItemLines(b.dir, c)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if _, err := b.Verify(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), `its min_disk and min_ram is "10 2048", not "20 2048"`) {
		t.Errorf("got error %v", err)
	}
	steptest.Apply(t, b)
	if c := steptest.Diff(t, b, &runner.Disk{}); c != nil {
		t.Errorf("there is still to do: %v", steptest.ItemLines(b.dir, c))
	}
}

func TestGlanceUploadOfAListLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(nil), Fresh: func(t *testing.T) *steptest.Fixture {
		b := listBench(t)
		return &steptest.Fixture{
			New:      func() runner.Step { s := *b.glanceUpload; return &s },
			Dirs:     []string{b.dir},
			Snapshot: func() string { return fmt.Sprint(b.all(t)) },
			Secrets:  []string{testbed.CloudPassword},
			Break: []steptest.Break{
				{Name: "a file changes", Do: func(t *testing.T) { steptest.PutFile(t, b.dir+"/images/data.raw", "other") }},
			},
		}
	}})
}

// A file that is in no cloud yet is read once: it is hashed on its way. After
// that nothing reads it any more.
func TestGlanceUploadReadsAFileOnce(t *testing.T) {
	b := listBench(t)
	b.Images = b.Images[3:]
	disk := &runner.Disk{}
	w := &reluctant{Disk: disk, t: t}
	s := *b.glanceUpload
	s.BeforeApply()
	in, err := s.Inputs(t.Context(), w)
	if err != nil || in[0].Digest != "" {
		t.Fatalf("inputs %v, %v", in, err)
	}
	aged(t, b.dir+"/images/data.raw")
	f, err := s.Diff(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	want := "sha512:" + steptest.SHA512(steptest.ReadFile(t, b.dir+"/images/data.raw"))
	if in, err := s.Inputs(t.Context(), w); err != nil || in[0].Digest != want {
		t.Errorf("inputs after apply: %v, %v", in, err)
	}
	if img := b.all(t)["data"]; img.Properties[glance.Marker] != want {
		t.Errorf("the image is marked %q", img.Properties[glance.Marker])
	}
	again := *b.glanceUpload
	again.BeforeApply()
	if in, err := again.Inputs(t.Context(), w); err != nil || in[0].Digest != want {
		t.Errorf("inputs of the next run: %v, %v", in, err)
	}
	if f, err := again.Diff(t.Context(), w, nil); err != nil || f.Change != nil {
		t.Errorf("the next run finds %+v, %v", f, err)
	}
	seen, err := again.survey(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := seen.(*cloudSurvey).images[0].want.SHA512; "sha512:"+got != want {
		t.Errorf("an upload would hash the file, as it knows only %q", got)
	}
}

// reluctant hashes no file that nobody has hashed.
type reluctant struct {
	*runner.Disk
	t *testing.T
}

func (r *reluctant) Sum(ctx context.Context, path string, algos ...runner.Algo) (map[runner.Algo]string, error) {
	if sums, ok := r.Recall(path, algos...); ok {
		return sums, nil
	}
	r.t.Errorf("%s is hashed", path)
	return r.Disk.Sum(ctx, path, algos...)
}

// An image that another tool uploaded into a cloud without os_hash_value is
// compared by MD5, and that is told.
func TestGlanceUploadTellsOfMD5(t *testing.T) {
	b := listBench(t)
	b.Images = b.Images[3:]
	b.bed.Between = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			body := strings.ReplaceAll(rec.Body.String(), "os_hash_", "os_other_")
			for key, values := range rec.Header() {
				if key != "Content-Length" {
					w.Header()[key] = values
				}
			}
			w.WriteHeader(rec.Code)
			_, _ = io.WriteString(w, body)
		})
	}
	steptest.Apply(t, b)
	f, err := b.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change != nil {
		t.Fatalf("found %+v, %v", f, err)
	}
	if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "image data (") || !strings.Contains(f.Notes[0], "by MD5 only") {
		t.Errorf("notes %q", f.Notes)
	}
	if got := f.Outputs["digests"].String(); !strings.HasPrefix(got, "data@md5:") {
		t.Errorf("digests %s", got)
	}
}

// A converted image is what qcow2 stands for, and the next run knows it again
// without unpacking anything.
func TestLargeGlanceUploadConverts(t *testing.T) {
	b := newGlanceBench(t)
	b.Convert = "raw"
	raw := rawOf(t, b.dir+"/images/overcloud-full.qcow2")
	c := steptest.Diff(t, b, &runner.Disk{})
	if got := steptest.ItemLines(b.dir, c)[2]; got != "create image overcloud-full raw, public, unpacked from qcow2" || c.Items[2].Bytes != int64(len(raw)) {
		t.Errorf("item %s of %d bytes", got, c.Items[2].Bytes)
	}
	steptest.Apply(t, b)
	img := b.all(t)["overcloud-full"]
	if img.DiskFormat != "raw" || img.Size != int64(len(raw)) || img.Hash != steptest.SHA512(raw) {
		t.Errorf("the image is %+v", img)
	}
	if c := steptest.Diff(t, b, &runner.Disk{}); c != nil {
		t.Errorf("there is still to do: %v", steptest.ItemLines(b.dir, c))
	}
	if _, err := b.Verify(t.Context(), (&runner.Disk{}).Hard()); err != nil {
		t.Error(err)
	}
	steptest.PutFile(t, b.dir+"/images/overcloud-full.qcow2", testbed.QCOW2("new"))
	if c := steptest.Diff(t, b, &runner.Disk{}); c == nil || c.Items[0].Op != runner.Replace {
		t.Errorf("another file: %+v", c)
	}
	steptest.Apply(t, b)
	if img := b.all(t)["overcloud-full"]; img.Hash != steptest.SHA512(rawOf(t, b.dir+"/images/overcloud-full.qcow2")) {
		t.Errorf("the new image is %+v", img)
	}
}

func rawOf(t *testing.T, path string) string {
	t.Helper()
	content := steptest.ReadFile(t, path)
	disk, err := diskimage.OpenQCOW2(strings.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(io.NewSectionReader(disk, 0, disk.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// aged makes a file one that nobody has touched for a while.
func aged(t *testing.T, path string) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

// A file that is still to be fetched keeps a diff waiting, and is not called
// empty.
func TestGlanceUploadOfAFileThatIsStillToCome(t *testing.T) {
	b := listBench(t)
	b.Images = b.Images[3:]
	w := runner.Planned(&runner.Disk{}, runner.File{Path: b.dir + "/images/data.raw", Mode: 0o644})
	_, err := b.Inputs(t.Context(), w)
	if err == nil || strings.Contains(err.Error(), "is empty") || !strings.Contains(err.Error(), "is not known before it is written") {
		t.Errorf("got error %v", err)
	}
}

// A listener is a disk that keeps what it is to remember of files.
type listener struct {
	*runner.Disk
	mu   sync.Mutex        // images are uploaded at the same time
	told map[string]string // SHA-512 by path
}

func (l *listener) Remember(path string, id runner.FileID, sums map[runner.Algo]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if fi, err := os.Stat(path); err == nil && id.Is(fi) {
		l.told[path] = sums[runner.SHA512]
	}
}

// What is written into the boot directory or another one is hashed then, and need
// not be read again.
func TestGlanceUploadRemembersWhatItWrote(t *testing.T) {
	for name, bench := range map[string]func(*testing.T) *glanceBench{"boot files": newGlanceBench, "a directory": directoryBench} {
		t.Run(name, func(t *testing.T) {
			b := bench(t)
			disk := &listener{Disk: &runner.Disk{}, told: map[string]string{}}
			f, err := b.Diff(t.Context(), disk, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
				t.Fatal(err)
			}
			written := 0
			for path, sum := range disk.told {
				if !strings.HasPrefix(path, b.dir+"/images/") {
					written++
				}
				if sum != steptest.SHA512(steptest.ReadFile(t, path)) {
					t.Errorf("%s: told %s", path, sum)
				}
			}
			if written < 2 {
				t.Errorf("told %v", disk.told)
			}
		})
	}
}

// Of many images five are on their way at once.
func TestGlanceUploadOfManyImages(t *testing.T) {
	b := listBench(t)
	b.Images = nil
	for i := range 30 {
		path := fmt.Sprintf("%s/images/%d.raw", b.dir, i)
		steptest.PutFile(t, path, fmt.Sprint("image ", i))
		b.Images = append(b.Images, uploadedImage{Name: imageName(fmt.Sprint("image", i)), File: plan.Path(path), DiskFormat: "raw"})
	}
	var now, most atomic.Int64
	b.bed.Between = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				n := now.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				defer now.Add(-1)
			}
			h.ServeHTTP(w, r)
		})
	}
	steptest.Apply(t, b)
	if got := len(b.all(t)); got != 30 || most.Load() > 5 {
		t.Errorf("%d images, %d at once", got, most.Load())
	}
}

// What an image is may be known only when it has been sent. Then the step says so.
func TestFillsAreConfirmed(t *testing.T) {
	b := listBench(t)
	b.BeforeApply()
	f, err := b.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := maps.Clone(f.Fills)
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	for place, c := range f.Fills {
		has := func(c runner.Content) bool {
			return slices.ContainsFunc(c.Digests, func(d string) bool { return strings.HasPrefix(d, "sha512:") })
		}
		if !strings.HasPrefix(place, "image ") || has(before[place]) || !has(c) || !strings.Contains(strings.Join(c.Digests, " "), " visibility:") {
			t.Errorf("%s: %v, and before %v", place, c, before[place])
		}
	}
	if len(f.Fills) != len(b.Images) {
		t.Errorf("got %v", f.Fills)
	}
}
