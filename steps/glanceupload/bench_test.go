package glanceupload

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// A glanceBench is a glance-upload step with its files, its boot directory and
// an embedded cloud.
type glanceBench struct {
	*glanceUpload
	bed *testbed.Cloud
	dir string
}

func newGlanceBench(t *testing.T) *glanceBench {
	t.Helper()
	b := &glanceBench{bed: testbed.NewCloud(t)}
	b.dir = b.bed.Dir
	b.glanceUpload = newGlanceUpload(b.bed)
	b.glanceUpload.Cloud = new(testbed.CloudName)
	b.From, b.HTTPBoot = new(plan.Path(b.dir+"/images")), plan.Path(b.dir+"/httpboot")
	steptest.MakeDir(t, b.dir+"/httpboot", 0o755)
	return b
}

// all lists the images that there are under the step's names and backups.
func (b *glanceBench) all(t *testing.T) map[string]glance.Image {
	t.Helper()
	var names []string
	for _, img := range b.diskImages() {
		names = append(names, img.Name, img.Name+".bayplan-upload")
	}
	return b.bed.Images(t, names...)
}

// checkWhole checks that a fresh look finds nothing to do and nothing left over.
func (b *glanceBench) checkWhole(t *testing.T) {
	t.Helper()
	b.bed.RequestsLeft, b.bed.Between = nil, nil
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
	for _, o := range Type(nil).Outputs {
		if out[o.Name].String() != want[o.Name] || out[o.Name].IsList() != o.List {
			t.Errorf("output %s: got %v, want %s", o.Name, out[o.Name], want[o.Name])
		}
	}
	if len(out) != len(want) {
		t.Errorf("outputs: got %v", out)
	}
}
