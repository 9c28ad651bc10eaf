package glanceupload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func TestGlanceUploadLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(nil), Fresh: func(t *testing.T) *steptest.Fixture {
		b := newGlanceBench(t)
		client := func(t *testing.T) *glance.Client {
			t.Helper()
			c, err := b.bed.Cloud(t.Context(), "undercloud")
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		must := func(t *testing.T, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		return &steptest.Fixture{
			New:      func() runner.Step { s := *b.glanceUpload; return &s },
			Dirs:     []string{b.dir},
			Snapshot: func() string { return fmt.Sprint(b.all(t)) },
			Secrets:  []string{testbed.CloudPassword},
			Break: []steptest.Break{
				{Name: "an image is deleted", Do: func(t *testing.T) { must(t, client(t).Delete(t.Context(), b.all(t)["overcloud-full"].ID)) }},
				{Name: "an image is renamed", Do: func(t *testing.T) { must(t, client(t).Rename(t.Context(), b.all(t)["overcloud-full-initrd"].ID, "x")) }},
				{Name: "an image loses its kernel", Do: func(t *testing.T) {
					must(t, client(t).SetProperties(t.Context(), b.all(t)["overcloud-full"].ID, map[string]string{"kernel_id": "3a7f5849-f332-4b5b-a162-4163644e4b5f"}))
				}},
				{Name: "an image file changes", Do: func(t *testing.T) { steptest.PutFile(t, b.dir+"/images/overcloud-full.initrd", testbed.Ramdisk("new")) }},
				{Name: "an image file goes away", Do: func(t *testing.T) { steptest.Remove(t, b.dir+"/images/overcloud-full.initrd") }},
				{Name: "a boot file changes", Do: func(t *testing.T) { steptest.PutFile(t, b.dir+"/httpboot/agent.kernel", "new") }},
				{Name: "a boot file goes away", Do: func(t *testing.T) { steptest.Remove(t, b.dir+"/httpboot/agent.ramdisk") }},
				{Name: "a boot file is closed", Do: func(t *testing.T) { must(t, os.Chmod(b.dir+"/httpboot/agent.ramdisk", 0o600)) }},
				{Name: "the boot directory goes away", Do: func(t *testing.T) { must(t, os.RemoveAll(b.dir+"/httpboot")) }},
			},
		}
	}})
}

func TestGlanceUpload(t *testing.T) {
	b := newGlanceBench(t)
	f, err := b.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"create image overcloud-full-vmlinuz aki, public",
		"create image overcloud-full-initrd ari, public",
		"create image overcloud-full qcow2, public",
		"create image bm-deploy-kernel aki, public",
		"create image bm-deploy-ramdisk ari, public",
		"create file httpboot/agent.kernel from " + b.dir + "/images/ironic-python-agent.kernel",
		"create file httpboot/agent.ramdisk from " + b.dir + "/images/ironic-python-agent.initramfs",
	}, steptest.ItemLines(b.dir, f.Change)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if got, want := f.Change.Summary, "5 images (74.1 KiB) to upload, 2 boot files to place"; got != want {
		t.Errorf("summary: got %q, want %q", got, want)
	}
	if when, later := f.Outputs["image_id"].Later(); !later || when != "after upload" {
		t.Errorf("image_id: got %v", f.Outputs["image_id"])
	}
	if got := len(b.all(t)); got != 0 {
		t.Errorf("diff made %d images", got)
	}

	p := steptest.Apply(t, b)
	var bytes int64
	for _, it := range f.Change.Items {
		bytes += it.Bytes
	}
	if p.Bytes != bytes || len(p.Lines()) != 7 {
		t.Errorf("told of %d bytes and %v, want %d", p.Bytes, p.Lines(), bytes)
	}
	checkBegan(t, p)
	b.checkWhole(t)
	b.checkImages(t)
	for to, from := range map[string]string{"agent.kernel": "ironic-python-agent.kernel", "agent.ramdisk": "ironic-python-agent.initramfs"} {
		if got := steptest.ReadFile(t, b.dir+"/httpboot/"+to); got != testbed.OvercloudFiles()[from] {
			t.Errorf("%s is not %s", to, from)
		}
		fi, err := os.Stat(b.dir + "/httpboot/" + to)
		if err != nil || fi.Mode() != 0o644 {
			t.Errorf("%s: mode %v, %v", to, fi.Mode(), err)
		}
	}
}

// checkBegan looks whether every image that is done says when the work on it began.
func checkBegan(t *testing.T, p *steptest.Progress) {
	t.Helper()
	for _, it := range p.Items {
		if it.What == "image" && it.Began.IsZero() {
			t.Errorf("image %s says not when it began", it.Name)
		}
	}
}

func TestGlanceUploadNotices(t *testing.T) {
	client := func(t *testing.T, b *glanceBench) *glance.Client {
		t.Helper()
		c, err := b.bed.Cloud(t.Context(), "undercloud")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, b *glanceBench)
		want   []string // items; ID is any id, STAMP any stamp
	}{
		{"nothing", func(*testing.T, *glanceBench) {}, nil},
		{"another kernel", func(t *testing.T, b *glanceBench) {
			steptest.PutFile(t, b.dir+"/images/overcloud-full.vmlinuz", testbed.Kernel("new"))
		}, []string{
			"replace image overcloud-full-vmlinuz aki, public; its content differs; ID becomes overcloud-full-vmlinuz_STAMP",
			"update image overcloud-full sets kernel_id",
		}},
		{"another image", func(t *testing.T, b *glanceBench) {
			steptest.PutFile(t, b.dir+"/images/overcloud-full.qcow2", testbed.QCOW2("new"))
		}, []string{
			"replace image overcloud-full qcow2, public; its content differs; ID becomes overcloud-full_STAMP",
		}},
		{"another agent", func(t *testing.T, b *glanceBench) {
			steptest.PutFile(t, b.dir+"/images/ironic-python-agent.kernel", testbed.Kernel("new"))
		}, []string{
			"replace image bm-deploy-kernel aki, public; its content differs; ID becomes bm-deploy-kernel_STAMP",
			"replace file httpboot/agent.kernel its content differs from DIR/images/ironic-python-agent.kernel",
		}},
		{"a deleted image", func(t *testing.T, b *glanceBench) {
			must(t, client(t, b).Delete(t.Context(), b.all(t)["overcloud-full-initrd"].ID))
		}, []string{
			"create image overcloud-full-initrd ari, public",
			"update image overcloud-full sets ramdisk_id",
		}},
		{"a stale property", func(t *testing.T, b *glanceBench) {
			must(t, client(t, b).SetProperties(t.Context(), b.all(t)["overcloud-full"].ID, map[string]string{"kernel_id": "3a7f5849-f332-4b5b-a162-4163644e4b5f"}))
		}, []string{"update image overcloud-full sets kernel_id"}},
		{"a private image", func(t *testing.T, b *glanceBench) {
			must(t, client(t, b).SetVisibility(t.Context(), b.all(t)["bm-deploy-kernel"].ID, "private"))
		}, []string{"update image bm-deploy-kernel sets public"}},
		{"a leftover of ours", func(t *testing.T, b *glanceBench) {
			_, err := client(t, b).Create(t.Context(), glance.Image{Name: "overcloud-full.bayplan-upload", Properties: map[string]string{glance.Marker: "sha512:beef"}})
			must(t, err)
		}, []string{"remove image overcloud-full.bayplan-upload left by an interrupted upload, ID"}},
		{"a record that another tool left", func(t *testing.T, b *glanceBench) {
			_, err := client(t, b).Create(t.Context(), glance.Image{Name: "overcloud-full"})
			must(t, err)
		}, []string{"update image overcloud-full ID (queued) becomes overcloud-full_STAMP"}},
		{"a boot file that is gone", func(t *testing.T, b *glanceBench) { steptest.Remove(t, b.dir+"/httpboot/agent.kernel") }, []string{
			"create file httpboot/agent.kernel from DIR/images/ironic-python-agent.kernel",
		}},
		{"a boot file of the same size", func(t *testing.T, b *glanceBench) {
			steptest.PutFile(t, b.dir+"/httpboot/agent.ramdisk", testbed.Ramdisk("other"))
		}, []string{"replace file httpboot/agent.ramdisk its content differs from DIR/images/ironic-python-agent.initramfs"}},
		{"a boot file that the server cannot read", func(t *testing.T, b *glanceBench) {
			must(t, os.Chmod(b.dir+"/httpboot/agent.ramdisk", 0o600))
		}, []string{"update file httpboot/agent.ramdisk its mode is 0600, so that not everybody can read it"}},
		{"a boot file that is executable", func(t *testing.T, b *glanceBench) {
			must(t, os.Chmod(b.dir+"/httpboot/agent.kernel", 0o755))
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newGlanceBench(t)
			steptest.Apply(t, b)
			tc.change(t, b)
			c := steptest.Diff(t, b, &runner.Disk{})
			got := steptest.ItemLines(b.dir, c)
			for i := range got {
				got[i] = b.bed.Normalize(got[i])
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if c == nil {
				return
			}
			if _, err := b.Verify(t.Context(), &runner.Disk{}); err == nil {
				t.Error("verify finds nothing wrong")
			}
			if _, err := c.Apply(t.Context(), &steptest.Progress{}); err != nil {
				t.Fatal(err)
			}
			b.checkWhole(t)
			b.checkImages(t)
		})
	}
}

// Wherever a run dies, the next one ends where an undisturbed one does.
func TestGlanceUploadAfterADeathAtAnyRequest(t *testing.T) {
	for _, replace := range []bool{false, true} {
		t.Run(fmt.Sprintf("replacing %v", replace), func(t *testing.T) {
			all, whole := int64(0), []int64(nil) // writes of a whole run, and of each that left nothing to do
			for n, done := 0, false; !done; n++ {
				if n > 100 {
					t.Fatal("never gets through")
				}
				b := newGlanceBench(t)
				if replace {
					steptest.Apply(t, b)
					steptest.PutFile(t, b.dir+"/images/overcloud-full.vmlinuz", testbed.Kernel("new"))
					steptest.PutFile(t, b.dir+"/images/overcloud-full.qcow2", testbed.QCOW2("new"))
				}
				var writes atomic.Int64
				b.bed.Between = countWrites(&writes)
				b.bed.RequestsLeft = &atomic.Int64{}
				b.bed.RequestsLeft.Store(1000)
				c := steptest.Diff(t, b, &runner.Disk{})
				b.bed.RequestsLeft.Store(int64(n))
				writes.Store(0)
				_, err := c.Apply(t.Context(), &steptest.Progress{})
				done = err == nil
				if done && n < 10 {
					t.Errorf("got through with %d requests", n)
				}
				b.bed.RequestsLeft = nil
				written := writes.Load()
				all = max(all, written)
				if c := steptest.Diff(t, b, &runner.Disk{}); c != nil {
					if _, err := c.Apply(t.Context(), &steptest.Progress{}); err != nil {
						t.Fatalf("after a death at request %d: %v", n, err)
					}
				} else {
					whole = append(whole, written)
				}
				b.checkWhole(t)
				b.checkImages(t)
			}
			for _, written := range whole {
				if written < all { // after the last write, a run only looks
					t.Errorf("after %d of %d writes nothing is left to do", written, all)
				}
			}
		})
	}
}

// countWrites counts the requests that change the cloud.
func countWrites(writes *atomic.Int64) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				writes.Add(1)
			}
			h.ServeHTTP(w, r)
		})
	}
}

// An Apply that failed can be called again, and only causes are told.
func TestGlanceUploadApplyAgain(t *testing.T) {
	b := newGlanceBench(t)
	full := true
	b.bed.Between = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && full && r.ContentLength == int64(len(testbed.OvercloudFiles()["overcloud-full.vmlinuz"])) {
				http.Error(w, "no space", http.StatusRequestEntityTooLarge)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	c := steptest.Diff(t, b, &runner.Disk{})
	_, err := c.Apply(t.Context(), &steptest.Progress{})
	want := `upload image "overcloud-full-vmlinuz" to cloud "undercloud": the cloud answers 413 Request Entity Too Large: no space`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	if p := fault.Problems(err); len(p) != 1 || p[0].Kind != "failed" || p[0].What != "image" || p[0].Name != "overcloud-full-vmlinuz" {
		t.Errorf("got problems %+v", p)
	}
	if got := len(b.all(t)); got != 3 {
		t.Errorf("got %d images, want those 3 that need nothing", got)
	}
	full = false
	if _, err := c.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	b.checkWhole(t)
}

func TestGlanceUploadCancelled(t *testing.T) {
	b := newGlanceBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.bed.Between = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				cancel()
			}
			h.ServeHTTP(w, r)
		})
	}
	c := steptest.Diff(t, b, &runner.Disk{})
	if _, err := c.Apply(ctx, &steptest.Progress{}); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "upload image") || fault.Problems(err) != nil {
		t.Errorf("got error %v", err)
	}
	for name, img := range b.all(t) {
		if img.Status != glance.Active {
			t.Errorf("%s is left %s", name, img.Status)
		}
	}
	if _, err := c.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	b.checkWhole(t)
}

// On an empty machine the diff sees the files and the directory that earlier
// steps would make.
func TestGlanceUploadSeesPlannedFiles(t *testing.T) {
	b := newGlanceBench(t)
	b.From, b.HTTPBoot = new(plan.Path("/planned/images")), "/planned/httpboot"
	files := []runner.File{{Path: "/planned/httpboot", Mode: fs.ModeDir | 0o755}, {Path: "/planned/images", Mode: fs.ModeDir | 0o755}}
	for name, content := range testbed.OvercloudFiles() {
		files = append(files, runner.File{
			Path: "/planned/images/" + name, Size: int64(len(content)), Mode: 0o644,
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(content))), nil },
		})
	}
	w := runner.Planned(&runner.Disk{}, files...)
	in, err := b.Inputs(t.Context(), w)
	if err != nil || len(in) != 5 {
		t.Fatalf("inputs: %v, %v", in, err)
	}
	c := steptest.Diff(t, b, w)
	if got, want := c.Summary, "5 images (74.1 KiB) to upload, 2 boot files to place"; got != want {
		t.Errorf("summary: got %q, want %q", got, want)
	}
	if len(c.Files) != 2 || c.Files[1].Path != "/planned/httpboot/agent.ramdisk" || c.Files[1].Mode != 0o644 {
		t.Fatalf("files: %+v", c.Files)
	}
	r, err := c.Files[1].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if content, err := io.ReadAll(r); err != nil || string(content) != testbed.OvercloudFiles()["ironic-python-agent.initramfs"] {
		t.Errorf("agent.ramdisk is not the initramfs (%v)", err)
	}
}
