package glanceupload

import (
	"errors"
	"path/filepath"
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

func TestGlanceUploadErrors(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, b *glanceBench)
		want   []string
		hint   string
	}{
		{"missing files", func(t *testing.T, b *glanceBench) {
			steptest.Remove(t, b.dir+"/images/overcloud-full.initrd")
			steptest.Remove(t, b.dir+"/images/overcloud-full.qcow2")
			steptest.Remove(t, b.dir+"/images/ironic-python-agent.kernel")
		}, []string{"DIR/images: overcloud-full.initrd, overcloud-full.qcow2 and ironic-python-agent.kernel are not there"}, "from: must be the directory"},
		{"a missing and an empty file", func(t *testing.T, b *glanceBench) {
			steptest.Remove(t, b.dir+"/images/overcloud-full.initrd")
			steptest.PutFile(t, b.dir+"/images/overcloud-full.vmlinuz", "")
		}, []string{"overcloud-full.initrd is not there", "DIR/images/overcloud-full.vmlinuz is empty"}, "from: must"},
		{"a directory", func(t *testing.T, b *glanceBench) {
			steptest.Remove(t, b.dir+"/images/overcloud-full.initrd")
			steptest.MakeDir(t, b.dir+"/images/overcloud-full.initrd", 0o755)
		}, []string{"DIR/images/overcloud-full.initrd is not a regular file"}, ""},
		{"a page in place of the image", func(t *testing.T, b *glanceBench) {
			steptest.PutFile(t, b.dir+"/images/overcloud-full.qcow2", "<html>404</html>")
		}, []string{`DIR/images/overcloud-full.qcow2 is not uploaded: it is not in qcow2 format: it starts with "<htm"`}, ""},
		{"an image with a backing file", func(t *testing.T, b *glanceBench) {
			image := []byte(testbed.QCOW2("x"))
			image[15] = 200
			steptest.PutFile(t, b.dir+"/images/overcloud-full.qcow2", string(image))
		}, []string{"is not uploaded: it names a backing file"}, ""},
		{"a page in place of an agent that is only booted", func(t *testing.T, b *glanceBench) {
			b.Release = "rhosp16.2"
			steptest.PutFile(t, b.dir+"/images/ironic-python-agent.initramfs", "<html>404</html>")
			steptest.PutFile(t, b.dir+"/images/ironic-python-agent.kernel", "<html>404</html>")
		}, []string{"ironic-python-agent.kernel is not uploaded: it is not a kernel but a page", "ironic-python-agent.initramfs is not uploaded: it is not a ramdisk but a page"}, ""},
		{"no boot directory", func(t *testing.T, b *glanceBench) { steptest.Remove(t, b.dir+"/httpboot") }, []string{"the boot directory DIR/httpboot is not there"}, "mkdir"},
		{"a file as boot directory", func(t *testing.T, b *glanceBench) {
			steptest.Remove(t, b.dir+"/httpboot")
			steptest.PutFile(t, b.dir+"/httpboot", "")
		}, []string{"the boot directory DIR/httpboot is not a directory"}, ""},
		{"a directory as boot file", func(t *testing.T, b *glanceBench) {
			steptest.MakeDir(t, b.dir+"/httpboot/agent.kernel", 0o755)
		}, []string{"DIR/httpboot/agent.kernel is in the way"}, ""},
		{"a cloud that does not answer", func(_ *testing.T, b *glanceBench) { b.bed.RequestsLeft = &atomic.Int64{} }, []string{`cloud "undercloud": log in at http://embedded.invalid/v3: dead`}, ""},
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
	steptest.Apply(t, b)
	c, err := b.bed.Cloud(t.Context(), "undercloud")
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
	steptest.Apply(t, b)
	steptest.MakeDir(t, filepath.Dir(b.dir), 0o755)
	steptest.MakeDir(t, b.dir, 0o755)
	steptest.MakeDir(t, b.dir+"/httpboot", 0o555)
	steptest.AsNobody(t, func() {
		if c := steptest.Diff(t, b, &runner.Disk{}); c != nil {
			t.Errorf("there is to do: %v", c.Items)
		}
	})
	steptest.MakeDir(t, b.dir+"/httpboot", 0o755)
	steptest.Remove(t, b.dir+"/httpboot/agent.kernel")
	steptest.MakeDir(t, b.dir+"/httpboot", 0o555)
	steptest.AsNobody(t, func() {
		_, err := b.Diff(t.Context(), &runner.Disk{}, nil)
		if err == nil || !strings.Contains(err.Error(), b.dir+"/httpboot") || !strings.Contains(fault.Hint(err), "sudo") {
			t.Errorf("got error %v, hint %q", err, fault.Hint(err))
		}
	})
}

func TestGlanceUploadVerifyTellsEverything(t *testing.T) {
	b := newGlanceBench(t)
	verify := func() string {
		_, err := b.Verify(t.Context(), &runner.Disk{})
		if err == nil {
			t.Fatal("nothing is wrong")
		}
		return b.bed.Normalize(err.Error())
	}
	const image = ` of cloud "undercloud": `
	fresh := verify()
	for _, want := range []string{
		`image "overcloud-full-vmlinuz"` + image + "it is not there", `image "bm-deploy-ramdisk"` + image + "it is not there",
		"DIR/httpboot/agent.kernel: it is not there", "DIR/httpboot/agent.ramdisk: it is not there",
	} {
		if !strings.Contains(fresh, want) {
			t.Errorf("error %s does not have %q", fresh, want)
		}
	}

	steptest.Apply(t, b)
	c, err := b.bed.Cloud(t.Context(), "undercloud")
	if err != nil {
		t.Fatal(err)
	}
	all := b.all(t)
	_, createErr := c.Create(t.Context(), glance.Image{Name: "bm-deploy-kernel", Properties: map[string]string{}})
	_, leftErr := c.Create(t.Context(), glance.Image{Name: "bm-deploy-ramdisk.bayplan-upload", Properties: map[string]string{glance.Marker: "x"}})
	if err := errors.Join(
		createErr, leftErr, c.Delete(t.Context(), all["overcloud-full-vmlinuz"].ID), c.SetVisibility(t.Context(), all["overcloud-full-initrd"].ID, "private"),
		c.SetProperties(t.Context(), all["overcloud-full"].ID, map[string]string{"ramdisk_id": "3a7f5849-f332-4b5b-a162-4163644e4b5f"}),
	); err != nil {
		t.Fatal(err)
	}
	steptest.PutFile(t, b.dir+"/images/ironic-python-agent.initramfs", testbed.Ramdisk("new"))
	want := []string{
		`image "overcloud-full-vmlinuz"` + image + "it is not there",
		`image "overcloud-full-initrd"` + image + "it is private, not public",
		`image "overcloud-full"` + image + `its ramdisk_id is "3a7f5849-f332-4b5b-a162-4163644e4b5f", not "` + all["overcloud-full-initrd"].ID + `"`,
		`image "bm-deploy-kernel"` + image + "another image has its name: ID",
		`image "bm-deploy-ramdisk"` + image + "its content differs",
		`image "bm-deploy-ramdisk"` + image + "an interrupted upload left ID",
		"DIR/httpboot/agent.ramdisk: its content differs from DIR/images/ironic-python-agent.initramfs",
	}
	if diff := cmp.Diff(strings.Join(want, " "), verify()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestGlanceUploadInputs(t *testing.T) {
	b := newGlanceBench(t)
	in, err := b.Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (runner.Input{Name: "overcloud-full.vmlinuz", Digest: "sha512:" + steptest.SHA512(testbed.OvercloudFiles()["overcloud-full.vmlinuz"])}); len(in) != 5 || in[0] != want {
		t.Errorf("got %v, want first %v", in, want)
	}
	steptest.Remove(t, b.dir+"/images/overcloud-full.vmlinuz")
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
		{"nothing known yet", func(s *glanceUpload) { *s = glanceUpload{clouds: s.clouds, Cloud: new(""), From: new(plan.Path(""))} }, ""},
		{"another name", func(s *glanceUpload) { s.OSImageName = "overcloud-hardened_1+2.qcow2" }, ""},
		{"an unknown cloud", func(s *glanceUpload) { s.Cloud = new("undrcloud") }, `there is no cloud "undrcloud"`},
		{"a path as image", func(s *glanceUpload) { s.OSImageName = "images/overcloud-full.qcow2" }, "is not a plain file name"},
		{"two dots", func(s *glanceUpload) { s.OSImageName = "overcloud-full.v2.qcow2" }, "as in overcloud-full.qcow2"},
		{"no suffix", func(s *glanceUpload) { s.OSImageName = "overcloud-full" }, "as in overcloud-full.qcow2"},
		{"raw", func(s *glanceUpload) { s.OSImageName = "overcloud-full.raw" }, "as in overcloud-full.qcow2"},
		{"only a suffix", func(s *glanceUpload) { s.OSImageName = ".qcow2" }, "is not a plain file name"},
		{"the name of an agent's image", func(s *glanceUpload) { s.OSImageName = "bm-deploy-kernel.qcow2" }, "as one of the agent's is"},
		{"a path as agent", func(s *glanceUpload) { s.IronicPythonAgentName = "../agent" }, "is not a plain file name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newGlanceUpload(&testbed.Cloud{})
			s.Cloud, s.From = new("undercloud"), new(plan.Path("/images"))
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
	s.From, s.HTTPBoot, s.OSImageName = new(plan.Path("/home/stack/images")), "/httpboot", "x.qcow2"
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
	// A name that is given as nothing is one that is not given.
	s.OSImageName, s.IronicPythonAgentName = "", ""
	if got := s.Paths().Reads; got[2] != "/home/stack/images/overcloud-full.qcow2" || got[3] != "/home/stack/images/ironic-python-agent.kernel" {
		t.Errorf("without names: %q", got)
	}
}
