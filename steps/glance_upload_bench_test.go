package steps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/dev/sample"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

const benchPassword = "correct horse"

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
			IdentityEndpoint: "http://embedded.invalid/v3", Username: cloudserver.DefaultUser, Password: benchPassword,
			TenantName: cloudserver.DefaultProject, DomainName: "Default",
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
	emb, err := cloudserver.New(cloudserver.Config{Password: benchPassword})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { emb.Close() })
	b := &glanceBench{emb: emb, dir: t.TempDir()}
	b.glanceUpload = newGlanceUpload(b)
	b.glanceUpload.Cloud = new("undercloud")
	b.From, b.HTTPBoot = new(plan.Path(b.dir+"/images")), plan.Path(b.dir+"/httpboot")
	steptest.MakeDir(t, b.dir+"/httpboot", 0o755)
	for name, content := range overcloudFiles() {
		steptest.PutFile(t, b.dir+"/images/"+name, content)
	}
	return b
}

// overcloudFiles are the five files, small.
func overcloudFiles() map[string]string {
	return map[string]string{
		"overcloud-full.qcow2":          qcow2Image("overcloud"),
		"overcloud-full.vmlinuz":        kernelFile("overcloud") + "signed",
		"overcloud-full.initrd":         ramdiskFile("overcloud"),
		"ironic-python-agent.kernel":    kernelFile("agent"),
		"ironic-python-agent.initramfs": ramdiskFile("agent"),
	}
}

// kernelFile, ramdiskFile and qcow2Image give files that are sound, each of
// the same size whatever they hold.
func kernelFile(content string) string { return string(sample.Kernel(content, 8<<10)) }

func ramdiskFile(content string) string {
	return string(sample.Initramfs(fmt.Sprintf("%9s", content), 16<<10))
}

func qcow2Image(content string) string {
	b := sample.QCOW2()
	copy(b[len(b)-100:], content)
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
	if c := steptest.Diff(t, b, &runner.Disk{}); c != nil {
		t.Errorf("there is still to do: %v", steptest.ItemLines(b.dir, c))
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
		if sum := steptest.SHA512(steptest.ReadFile(t, b.dir+"/images/"+want.file)); img.Hash != sum {
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
	var ids, digests []string
	for _, img := range b.diskImages() {
		ids = append(ids, got[img.Name].ID)
		digests = append(digests, img.Name+"@sha512:"+got[img.Name].Hash)
	}
	want["ids"], want["digests"] = strings.Join(ids, ", "), strings.Join(digests, ", ")
	for _, o := range glanceUploadType(nil).Outputs {
		if out[o.Name].String() != want[o.Name] || out[o.Name].IsList() != o.List {
			t.Errorf("output %s: got %v, want %s", o.Name, out[o.Name], want[o.Name])
		}
	}
	if len(out) != len(want) {
		t.Errorf("outputs: got %v", out)
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
