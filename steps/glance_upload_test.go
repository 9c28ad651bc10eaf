package steps

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"

	embeddedcloud "github.com/bayplan/bayplan/internal/embedded/cloud"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/glance"
	"github.com/bayplan/bayplan/steps/internal/transport"
)

// A glanceBench is a glance-upload step with its files, its boot directory and
// an embedded cloud.
type glanceBench struct {
	*glanceUpload
	dir string
	emb http.Handler

	// between stands before the cloud's handler; nil: nothing does.
	between func(http.Handler) http.Handler
	// lives is how many requests are answered before all fail; nil: any number.
	lives *atomic.Int64
}

func (b *glanceBench) CloudKnown(name string) error {
	if name != "undercloud" {
		return fmt.Errorf("there is no cloud %q under connections.clouds", name)
	}
	return nil
}

// Cloud logs in anew for each caller, as each run of bayplan does.
func (b *glanceBench) Cloud(ctx context.Context, name string) (*glance.Client, error) {
	h := b.emb
	if b.between != nil {
		h = b.between(h)
	}
	way, err := transport.New([]transport.Endpoint{{Host: "embedded.invalid", Handler: h}})
	if err != nil {
		return nil, err
	}
	return glance.Connect(ctx, glance.Options{
		Cloud: name,
		Auth: &gophercloud.AuthOptions{
			IdentityEndpoint: "http://embedded.invalid/v3", Username: embeddedcloud.DefaultUser, Password: embeddedcloud.DefaultPassword,
			TenantName: embeddedcloud.DefaultProject, DomainName: "Default",
		},
		Transport: mortalTransport{way, b.lives},
		Patience:  50 * time.Millisecond, Pause: time.Millisecond,
	})
}

// A mortalTransport fails with its last life, like all requests of a process
// that is killed.
type mortalTransport struct {
	base  http.RoundTripper
	lives *atomic.Int64
}

func (m mortalTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.lives != nil && m.lives.Add(-1) < 0 {
		return nil, errors.New("dead")
	}
	return m.base.RoundTrip(r)
}

func newGlanceBench(t *testing.T) *glanceBench {
	t.Helper()
	emb, err := embeddedcloud.New(embeddedcloud.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { emb.Close() })
	b := &glanceBench{emb: emb, dir: t.TempDir()}
	b.glanceUpload = newGlanceUpload(b)
	b.glanceUpload.Cloud = "undercloud"
	b.From, b.HTTPBoot = plan.Path(b.dir+"/images"), plan.Path(b.dir+"/httpboot")
	makeDir(t, b.dir+"/httpboot", 0o755)
	for name, content := range overcloudFiles() {
		putFile(t, b.dir+"/images/"+name, content)
	}
	return b
}

// overcloudFiles are the five files, small.
func overcloudFiles() map[string]string {
	return map[string]string{
		"overcloud-full.qcow2":          qcow2Image("overcloud"),
		"overcloud-full.vmlinuz":        strings.Repeat("vmlinuz ", 1000),
		"overcloud-full.initrd":         strings.Repeat("initrd ", 2000),
		"ironic-python-agent.kernel":    strings.Repeat("agent kernel ", 1000),
		"ironic-python-agent.initramfs": strings.Repeat("agent ramdisk ", 2000),
	}
}

// qcow2Image gives an image with a sound header.
func qcow2Image(content string) string {
	b := make([]byte, 4<<16)
	copy(b, "QFI\xfb")
	binary.BigEndian.PutUint32(b[4:], 2)
	binary.BigEndian.PutUint32(b[20:], 16)
	binary.BigEndian.PutUint64(b[24:], 1<<30)
	binary.BigEndian.PutUint32(b[36:], 2)
	binary.BigEndian.PutUint64(b[40:], 3<<16)
	binary.BigEndian.PutUint64(b[48:], 1<<16)
	binary.BigEndian.PutUint32(b[56:], 1)
	copy(b[1000:], content)
	return string(b)
}

// all lists the images that there are under the step's names and backups.
func (b *glanceBench) all(t *testing.T) map[string]glance.Image {
	t.Helper()
	lives, between := b.lives, b.between
	b.lives, b.between = nil, nil
	defer func() { b.lives, b.between = lives, between }()
	c, err := b.Cloud(t.Context(), "undercloud")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, img := range b.diskImages() {
		names = append(names, img.Name, img.Name+".bayplan-upload")
	}
	found, err := c.List(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]glance.Image{}
	for _, img := range found {
		if _, two := got[img.Name]; two {
			t.Errorf("two images are named %q", img.Name)
		}
		got[img.Name] = img
	}
	return got
}

// checkWhole checks that a fresh look finds nothing to do and nothing left over.
func (b *glanceBench) checkWhole(t *testing.T) {
	t.Helper()
	b.lives, b.between = nil, nil
	if c := diffed(t, b, &runner.Disk{}); c != nil {
		t.Errorf("there is still to do: %v", itemLines(b.dir, c))
	}
	if _, err := b.Verify(t.Context(), (&runner.Disk{}).Hard()); err != nil {
		t.Error(err)
	}
	got := []string{}
	for name, img := range b.all(t) {
		got = append(got, name+" "+img.Status)
	}
	slices.Sort(got)
	want := []string{"bm-deploy-kernel active", "bm-deploy-ramdisk active", "overcloud-full active", "overcloud-full-initrd active", "overcloud-full-vmlinuz active"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	entries, err := os.ReadDir(b.dir + "/httpboot")
	if err != nil || len(entries) != 2 {
		t.Errorf("boot directory: %v, %v", entries, err)
	}
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
	}, itemLines(b.dir, f.Change)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if got, want := f.Change.Summary, "5 images (317.5 KiB) to upload, 2 boot files to place"; got != want {
		t.Errorf("summary: got %q, want %q", got, want)
	}
	if when, later := f.Outputs["image_id"].Later(); !later || when != "after upload" {
		t.Errorf("image_id: got %v", f.Outputs["image_id"])
	}
	if got := len(b.all(t)); got != 0 {
		t.Errorf("diff made %d images", got)
	}

	p := applied(t, b)
	var bytes int64
	for _, it := range f.Change.Items {
		bytes += it.Bytes
	}
	if p.bytes != bytes || len(p.done) != 7 {
		t.Errorf("told of %d bytes and %v, want %d", p.bytes, p.done, bytes)
	}
	b.checkWhole(t)
	b.checkImages(t)
	for to, from := range map[string]string{"agent.kernel": "ironic-python-agent.kernel", "agent.ramdisk": "ironic-python-agent.initramfs"} {
		if got := readFile(t, b.dir+"/httpboot/"+to); got != overcloudFiles()[from] {
			t.Errorf("%s is not %s", to, from)
		}
		fi, err := os.Stat(b.dir + "/httpboot/" + to)
		if err != nil || fi.Mode() != 0o644 {
			t.Errorf("%s: mode %v, %v", to, fi.Mode(), err)
		}
	}
}

// checkImages checks formats, contents, properties and outputs.
func (b *glanceBench) checkImages(t *testing.T) {
	t.Helper()
	got := b.all(t)
	for name, want := range map[string]struct{ disk, file string }{
		"overcloud-full-vmlinuz": {"aki", "overcloud-full.vmlinuz"},
		"overcloud-full-initrd":  {"ari", "overcloud-full.initrd"},
		"overcloud-full":         {"qcow2", "overcloud-full.qcow2"},
		"bm-deploy-kernel":       {"aki", "ironic-python-agent.kernel"},
		"bm-deploy-ramdisk":      {"ari", "ironic-python-agent.initramfs"},
	} {
		img := got[name]
		if img.DiskFormat != want.disk || img.ContainerFormat != "bare" || img.Visibility != "public" {
			t.Errorf("%s is %+v", name, img)
		}
		if sum := hex512(readFile(t, b.dir+"/images/"+want.file)); img.Hash != sum {
			t.Errorf("%s holds other bytes than %s", name, want.file)
		}
	}
	main := got["overcloud-full"].Properties
	if main["kernel_id"] != got["overcloud-full-vmlinuz"].ID || main["ramdisk_id"] != got["overcloud-full-initrd"].ID {
		t.Errorf("overcloud-full has the properties %v", main)
	}
	out, err := b.Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"image_id": got["overcloud-full"].ID, "kernel_id": got["overcloud-full-vmlinuz"].ID, "ramdisk_id": got["overcloud-full-initrd"].ID,
		"deploy_kernel_id": got["bm-deploy-kernel"].ID, "deploy_ramdisk_id": got["bm-deploy-ramdisk"].ID,
		"images": "overcloud-full-vmlinuz, overcloud-full-initrd, overcloud-full, bm-deploy-kernel, bm-deploy-ramdisk",
	}
	for _, o := range glanceUploadType(nil).Outputs {
		if out[o.Name].String() != want[o.Name] || out[o.Name].IsList() != o.List {
			t.Errorf("output %s: got %v, want %s", o.Name, out[o.Name], want[o.Name])
		}
	}
	if len(out) != len(want) {
		t.Errorf("outputs: got %v", out)
	}
}

func TestGlanceUploadNotices(t *testing.T) {
	client := func(t *testing.T, b *glanceBench) *glance.Client {
		t.Helper()
		c, err := b.Cloud(t.Context(), "undercloud")
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
		{"another kernel", func(t *testing.T, b *glanceBench) { putFile(t, b.dir+"/images/overcloud-full.vmlinuz", "new") }, []string{
			"replace image overcloud-full-vmlinuz aki, public; its content differs; ID becomes overcloud-full-vmlinuz_STAMP",
			"update image overcloud-full sets kernel_id",
		}},
		{"another image", func(t *testing.T, b *glanceBench) {
			putFile(t, b.dir+"/images/overcloud-full.qcow2", qcow2Image("new"))
		}, []string{
			"replace image overcloud-full qcow2, public; its content differs; ID becomes overcloud-full_STAMP",
		}},
		{"another agent", func(t *testing.T, b *glanceBench) { putFile(t, b.dir+"/images/ironic-python-agent.kernel", "new") }, []string{
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
		{"a boot file that is gone", func(t *testing.T, b *glanceBench) { remove(t, b.dir+"/httpboot/agent.kernel") }, []string{
			"create file httpboot/agent.kernel from DIR/images/ironic-python-agent.kernel",
		}},
		{"a boot file of the same size", func(t *testing.T, b *glanceBench) {
			putFile(t, b.dir+"/httpboot/agent.ramdisk", strings.Repeat("AGENT RAMDISK ", 2000))
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
			applied(t, b)
			tc.change(t, b)
			c := diffed(t, b, &runner.Disk{})
			got := itemLines(b.dir, c)
			for i := range got {
				got[i] = b.neutral(got[i])
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
			if err := c.Apply(t.Context(), &progress{}); err != nil {
				t.Fatal(err)
			}
			b.checkWhole(t)
			b.checkImages(t)
		})
	}
}

// neutral takes out of a text what differs from run to run.
func (b *glanceBench) neutral(s string) string {
	words := strings.Fields(strings.ReplaceAll(s, b.dir, "DIR"))
	for i, w := range words {
		name, stamp, ok := strings.Cut(w, "_")
		if ok && strings.HasPrefix(stamp, "20") && strings.HasSuffix(stamp, "Z") {
			words[i] = name + "_STAMP"
		}
		if len(w) == 36 && strings.Count(w, "-") == 4 {
			words[i] = "ID"
		}
	}
	return strings.Join(words, " ")
}

// Wherever a run dies, the next one ends where an undisturbed one does.
func TestGlanceUploadAfterADeathAtAnyRequest(t *testing.T) {
	for _, replace := range []bool{false, true} {
		t.Run(fmt.Sprintf("replacing %v", replace), func(t *testing.T) {
			for n, done := 0, false; !done; n++ {
				if n > 100 {
					t.Fatal("never gets through")
				}
				b := newGlanceBench(t)
				if replace {
					applied(t, b)
					putFile(t, b.dir+"/images/overcloud-full.vmlinuz", "new")
					putFile(t, b.dir+"/images/overcloud-full.qcow2", qcow2Image("new"))
				}
				b.lives = &atomic.Int64{}
				b.lives.Store(1000)
				c := diffed(t, b, &runner.Disk{})
				b.lives.Store(int64(n))
				done = c.Apply(t.Context(), &progress{}) == nil
				if done && n < 10 {
					t.Errorf("got through with %d requests", n)
				}
				b.lives = nil
				if c := diffed(t, b, &runner.Disk{}); c != nil {
					if err := c.Apply(t.Context(), &progress{}); err != nil {
						t.Fatalf("after a death at request %d: %v", n, err)
					}
				} else if !done {
					t.Errorf("after a death at request %d nothing is left to do", n)
				}
				b.checkWhole(t)
				b.checkImages(t)
			}
		})
	}
}

// An Apply that failed can be called again, and only causes are told.
func TestGlanceUploadApplyAgain(t *testing.T) {
	b := newGlanceBench(t)
	full := true
	b.between = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && full && r.ContentLength == int64(len(overcloudFiles()["overcloud-full.vmlinuz"])) {
				http.Error(w, "no space", http.StatusRequestEntityTooLarge)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	c := diffed(t, b, &runner.Disk{})
	err := c.Apply(t.Context(), &progress{})
	want := `upload image "overcloud-full-vmlinuz" to cloud "undercloud": the cloud answers 413 Request Entity Too Large: no space`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	if got := len(b.all(t)); got != 3 {
		t.Errorf("got %d images, want those 3 that need nothing", got)
	}
	full = false
	if err := c.Apply(t.Context(), &progress{}); err != nil {
		t.Fatal(err)
	}
	b.checkWhole(t)
}

func TestGlanceUploadCancelled(t *testing.T) {
	b := newGlanceBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.between = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				cancel()
			}
			h.ServeHTTP(w, r)
		})
	}
	c := diffed(t, b, &runner.Disk{})
	if err := c.Apply(ctx, &progress{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	for name, img := range b.all(t) {
		if img.Status != glance.Active {
			t.Errorf("%s is left %s", name, img.Status)
		}
	}
	if err := c.Apply(t.Context(), &progress{}); err != nil {
		t.Fatal(err)
	}
	b.checkWhole(t)
}

// On an empty machine the diff sees the files and the directory that earlier
// steps would make.
func TestGlanceUploadSeesPlannedFiles(t *testing.T) {
	b := newGlanceBench(t)
	b.From, b.HTTPBoot = "/planned/images", "/planned/httpboot"
	files := []runner.File{{Path: "/planned/httpboot", Mode: fs.ModeDir | 0o755}, {Path: "/planned/images", Mode: fs.ModeDir | 0o755}}
	for name, content := range overcloudFiles() {
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
	c := diffed(t, b, w)
	if got, want := c.Summary, "5 images (317.5 KiB) to upload, 2 boot files to place"; got != want {
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
	if content, err := io.ReadAll(r); err != nil || string(content) != overcloudFiles()["ironic-python-agent.initramfs"] {
		t.Errorf("agent.ramdisk is not the initramfs (%v)", err)
	}
}

func TestGlanceUploadErrors(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, b *glanceBench)
		want   []string
		hint   string
	}{
		{"missing files", func(t *testing.T, b *glanceBench) {
			remove(t, b.dir+"/images/overcloud-full.initrd")
			remove(t, b.dir+"/images/overcloud-full.qcow2")
			remove(t, b.dir+"/images/ironic-python-agent.kernel")
		}, []string{"DIR/images: overcloud-full.initrd, overcloud-full.qcow2 and ironic-python-agent.kernel are not there"}, "from: must be the directory"},
		{"a missing and an empty file", func(t *testing.T, b *glanceBench) {
			remove(t, b.dir+"/images/overcloud-full.initrd")
			putFile(t, b.dir+"/images/overcloud-full.vmlinuz", "")
		}, []string{"overcloud-full.initrd is not there", "DIR/images/overcloud-full.vmlinuz is empty"}, "from: must"},
		{"a directory", func(t *testing.T, b *glanceBench) {
			remove(t, b.dir+"/images/overcloud-full.initrd")
			makeDir(t, b.dir+"/images/overcloud-full.initrd", 0o755)
		}, []string{"DIR/images/overcloud-full.initrd is not a regular file"}, ""},
		{"a page in place of the image", func(t *testing.T, b *glanceBench) {
			putFile(t, b.dir+"/images/overcloud-full.qcow2", "<html>404</html>")
		}, []string{`DIR/images/overcloud-full.qcow2 is not uploaded: it is no qcow2 image: it starts with "<htm"`}, ""},
		{"an image with a backing file", func(t *testing.T, b *glanceBench) {
			image := []byte(qcow2Image("x"))
			image[15] = 200
			putFile(t, b.dir+"/images/overcloud-full.qcow2", string(image))
		}, []string{"is not uploaded: it names a backing file"}, ""},
		{"no boot directory", func(t *testing.T, b *glanceBench) { remove(t, b.dir+"/httpboot") }, []string{"the boot directory DIR/httpboot is not there"}, "mkdir"},
		{"a file as boot directory", func(t *testing.T, b *glanceBench) {
			remove(t, b.dir+"/httpboot")
			putFile(t, b.dir+"/httpboot", "")
		}, []string{"the boot directory DIR/httpboot is not a directory"}, ""},
		{"a directory as boot file", func(t *testing.T, b *glanceBench) {
			makeDir(t, b.dir+"/httpboot/agent.kernel", 0o755)
		}, []string{"DIR/httpboot/agent.kernel is in the way"}, ""},
		{"a cloud that does not answer", func(_ *testing.T, b *glanceBench) { b.lives = &atomic.Int64{} }, []string{`cloud "undercloud": log in at http://embedded.invalid/v3: dead`}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newGlanceBench(t)
			tc.change(t, b)
			_, err := b.Diff(t.Context(), &runner.Disk{}, nil)
			for _, want := range tc.want {
				if want = strings.ReplaceAll(want, "DIR", b.dir); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v, want one with %q", err, want)
				}
			}
			if got := fault.Hint(err); !strings.Contains(got, tc.hint) {
				t.Errorf("got hint %q, want one with %q", got, tc.hint)
			}
			if got := len(b.all(t)); got != 0 {
				t.Errorf("%d images were made", got)
			}
		})
	}
}

func TestGlanceUploadRefusesDuplicates(t *testing.T) {
	b := newGlanceBench(t)
	applied(t, b)
	c, err := b.Cloud(t.Context(), "undercloud")
	if err != nil {
		t.Fatal(err)
	}
	all := b.all(t)
	if err := c.Rename(t.Context(), all["bm-deploy-kernel"].ID, "overcloud-full"); err != nil {
		t.Fatal(err)
	}
	if err := c.SetProperties(t.Context(), all["overcloud-full"].ID, map[string]string{glance.Marker: "of another tool"}); err != nil {
		t.Fatal(err)
	}
	_, err = b.Diff(t.Context(), &runner.Disk{}, nil)
	for _, id := range []string{all["bm-deploy-kernel"].ID, all["overcloud-full"].ID, `2 active images are named "overcloud-full"`} {
		if err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("error %v does not name %s", err, id)
		}
	}
}

// The right to write into the boot directory is looked at in the diff, and
// only when something is to be written.
func TestGlanceUploadIntoAClosedBootDirectory(t *testing.T) {
	b := newGlanceBench(t)
	applied(t, b)
	makeDir(t, filepath.Dir(b.dir), 0o755)
	makeDir(t, b.dir, 0o755)
	makeDir(t, b.dir+"/httpboot", 0o555)
	asNobody(t, func() {
		if c := diffed(t, b, &runner.Disk{}); c != nil {
			t.Errorf("there is to do: %v", c.Items)
		}
	})
	makeDir(t, b.dir+"/httpboot", 0o755)
	remove(t, b.dir+"/httpboot/agent.kernel")
	makeDir(t, b.dir+"/httpboot", 0o555)
	asNobody(t, func() {
		_, err := b.Diff(t.Context(), &runner.Disk{}, nil)
		if err == nil || !strings.Contains(err.Error(), b.dir+"/httpboot") || !strings.Contains(fault.Hint(err), "sudo") {
			t.Errorf("got error %v, hint %q", err, fault.Hint(err))
		}
	})
}

func TestGlanceUploadVerifyTellsEverything(t *testing.T) {
	b := newGlanceBench(t)
	_, err := b.Verify(t.Context(), &runner.Disk{})
	for _, want := range []string{
		`image "overcloud-full-vmlinuz" of cloud "undercloud": it is not there`, `image "bm-deploy-ramdisk" of cloud "undercloud": it is not there`,
		b.dir + "/httpboot/agent.kernel: it is not there", b.dir + "/httpboot/agent.ramdisk: it is not there",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not have %q", err, want)
		}
	}
}

func TestGlanceUploadInputs(t *testing.T) {
	b := newGlanceBench(t)
	in, err := b.Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (runner.Input{Name: "overcloud-full.vmlinuz", Digest: "sha512:" + hex512(overcloudFiles()["overcloud-full.vmlinuz"])}); len(in) != 5 || in[0] != want {
		t.Errorf("got %v, want first %v", in, want)
	}
	remove(t, b.dir+"/images/overcloud-full.vmlinuz")
	if _, err := b.Inputs(t.Context(), &runner.Disk{}); err == nil {
		t.Error("a missing file gives no error")
	}
}

func TestGlanceUploadValidate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*glanceUpload)
		want   string
	}{
		{"defaults", func(*glanceUpload) {}, ""},
		{"nothing known yet", func(s *glanceUpload) { *s = glanceUpload{out: s.out} }, ""},
		{"another name", func(s *glanceUpload) { s.OSImageName = "overcloud-hardened_1+2.qcow2" }, ""},
		{"an unknown cloud", func(s *glanceUpload) { s.Cloud = "undrcloud" }, `there is no cloud "undrcloud"`},
		{"a path as image", func(s *glanceUpload) { s.OSImageName = "images/overcloud-full.qcow2" }, "is not a plain file name"},
		{"two dots", func(s *glanceUpload) { s.OSImageName = "overcloud-full.v2.qcow2" }, "as in overcloud-full.qcow2"},
		{"no suffix", func(s *glanceUpload) { s.OSImageName = "overcloud-full" }, "as in overcloud-full.qcow2"},
		{"raw", func(s *glanceUpload) { s.OSImageName = "overcloud-full.raw" }, "as in overcloud-full.qcow2"},
		{"only a suffix", func(s *glanceUpload) { s.OSImageName = ".qcow2" }, "is not a plain file name"},
		{"a path as agent", func(s *glanceUpload) { s.IronicPythonAgentName = "../agent" }, "is not a plain file name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newGlanceUpload(&glanceBench{})
			s.Cloud = "undercloud"
			tc.change(s)
			err := s.Validate()
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestGlanceUploadPaths(t *testing.T) {
	s := newGlanceUpload(nil)
	if got := s.Paths(); len(got.Reads)+len(got.Writes)+len(got.Into) != 0 {
		t.Errorf("nothing known yet: got %+v", got)
	}
	s.From, s.HTTPBoot, s.OSImageName = "/home/stack/images", "/httpboot", "x.qcow2"
	want := runner.Paths{
		Reads: []string{
			"/home/stack/images/x.vmlinuz", "/home/stack/images/x.initrd", "/home/stack/images/x.qcow2",
			"/home/stack/images/ironic-python-agent.kernel", "/home/stack/images/ironic-python-agent.initramfs",
		},
		Writes: []string{"/httpboot/agent.kernel", "/httpboot/agent.ramdisk"},
	}
	if diff := cmp.Diff(want, s.Paths()); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}
