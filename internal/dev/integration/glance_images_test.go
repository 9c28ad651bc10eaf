//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// imagesPlan unpacks the images of the quick start, uploads images of every kind
// and verifies them.
const imagesPlan = `apiVersion: bayplan/v1
name: images
connections: { clouds: { undercloud: { cloud: bayplan } } }
steps:
  full:  { type: untar, with: { archive: overcloud-full.tar, into: images } }
  agent: { type: untar, needs: [full], with: { archive: ironic-python-agent.tar, into: images } }
  rhosp17:
    type: glance-upload
    needs: [agent]
    with: { cloud: undercloud, from: images, release: rhosp17.1, os_image_name: overcloud-full.qcow2, whole_disk: true, architecture: x86_64, platform: SNB, convert: raw }
  others:
    type: glance-upload
    needs: [agent]
    with:
      cloud: undercloud
      update_existing: replace
      keep: 1
      images:
        - { name: web, file: images/overcloud-full.qcow2, disk_format: qcow2, visibility: private, min_disk: 1, min_ram: 64, kernel: web-kernel, ramdisk: web-ramdisk, properties: { os_distro: rhel } }
        - { name: web-kernel, file: images/overcloud-full.vmlinuz, disk_format: aki }
        - { name: web-ramdisk, file: images/overcloud-full.initrd, disk_format: ari }
        - { name: data, file: data.raw, disk_format: raw, visibility: community }
  check:
    type: verify-images
    needs: [rhosp17, others]
    with:
      cloud: undercloud
      expect:
        - SNB-x86_64-overcloud-full
        - data
        - { name: web, file: images/overcloud-full.qcow2, disk_format: qcow2, visibility: private, kernel: web-kernel, ramdisk: web-ramdisk, properties: { os_distro: rhel } }
        - web-kernel
        - web-ramdisk
  digests:
    type: verify-images
    with: { cloud: undercloud, expect: "${steps.others.digests}" }
`

// TestImages uploads images of every kind to a real Glance, and checks them with
// Glance's own client.
func TestImages(t *testing.T) {
	cloud := startCloud(t, func(glance string) string { return glance })
	dir := t.TempDir()
	for _, name := range []string{"overcloud-full.tar", "ironic-python-agent.tar"} {
		content, err := os.ReadFile(filepath.Join("../../../examples/quickstart", name))
		if err != nil {
			t.Fatal(err)
		}
		writeIn(t, dir, name, string(content))
	}
	writeIn(t, dir, "bayplan.yaml", imagesPlan)
	writeIn(t, dir, "data.raw", "data, the first")
	run := func(code int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "bayplan", append(args, "-f", filepath.Join(dir, "bayplan.yaml"))...)
		cmd.Env = append(os.Environ(), "OS_CLIENT_CONFIG_FILE="+cloud.file)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if _ = cmd.Run(); cmd.ProcessState.ExitCode() != code {
			t.Fatalf("bayplan %v: exit code %d, want %d\n%s%s", args, cmd.ProcessState.ExitCode(), code, stdout.Bytes(), stderr.Bytes())
		}
		return stdout.String() + stderr.String()
	}
	run(0, "apply")

	images := cloud.images(t)
	web, full := images["web"], images["SNB-x86_64-overcloud-full"]
	if web.Visibility != "private" || web.KernelID != images["web-kernel"].ID || web.RamdiskID != images["web-ramdisk"].ID {
		t.Errorf("web is %+v", web)
	}
	shell(t, `qemu-img convert -f qcow2 -O raw "$1" "$2"`, filepath.Join(dir, "images", "overcloud-full.qcow2"), filepath.Join(dir, "full.raw"))
	if fi, err := os.Stat(filepath.Join(dir, "full.raw")); err != nil || full.DiskFormat != "raw" || full.Size != fi.Size() || full.Hash != sha512File(t, dir, "full.raw") {
		t.Errorf("the unpacked image is %+v (%v)", full, err)
	}
	cloud.openstack(t, "image", "save", "--file", filepath.Join(dir, "saved"), full.ID)
	sameFiles(t, filepath.Join(dir, "full.raw"), filepath.Join(dir, "saved"))

	var report struct {
		Steps []struct {
			ID    string
			Notes []string
		}
	}
	if err := json.Unmarshal([]byte(run(0, "diff", "--json")), &report); err != nil {
		t.Fatal(err)
	}
	shown := strings.TrimSpace(cloud.openstack(t, "image", "list"))
	for _, step := range report.Steps {
		if step.ID != "check" {
			continue
		}
		if diff := cmp.Diff(shown, strings.Join(step.Notes, "\n")); diff != "" {
			t.Errorf("table (-openstack +bayplan):\n%s", diff)
		}
	}
	if !strings.Contains(run(0, "apply"), "0 changed, 6 unchanged, 0 failed") {
		t.Error("a second run changes something")
	}
	run(0, "verify")

	// Each name keeps one replaced image.
	for _, content := range []string{"data, the second", "data, the third", "data, the fourth"} {
		writeIn(t, dir, "data.raw", content)
		run(0, "apply")
	}
	var old []string
	for name := range cloud.images(t) {
		if strings.HasPrefix(name, "data_20") {
			old = append(old, name)
		}
	}
	if len(old) != 1 || cloud.images(t)["data"].Hash != sha512File(t, dir, "data.raw") {
		t.Errorf("left of data: %v and %+v", old, cloud.images(t)["data"])
	}

	// A broken link between images is reported and repaired.
	cloud.openstack(t, "image", "set", "--property", "kernel_id="+images["data"].ID, web.ID)
	cloud.openstack(t, "image", "delete", images["web-ramdisk"].ID)
	said := run(1, "verify")
	for _, want := range []string{"its kernel_id is", `image "web-ramdisk" of cloud "undercloud": it is not there`} {
		if !strings.Contains(said, want) {
			t.Errorf("verify does not say %q:\n%s", want, said)
		}
	}
	run(0, "apply")
	images = cloud.images(t)
	if web := images["web"]; web.KernelID != images["web-kernel"].ID || web.RamdiskID != images["web-ramdisk"].ID {
		t.Errorf("web is %+v", web)
	}
	run(0, "verify")

	// With three images of one name it is unclear which one is meant, so bayplan
	// changes none of them.
	for range 2 {
		cloud.openstack(t, "image", "create", "--disk-format", "raw", "--container-format", "bare", "--file", filepath.Join(dir, "data.raw"), "web-kernel")
	}
	said = run(1, "apply")
	if !strings.Contains(said, `3 active images are named "web-kernel"`) || !strings.Contains(said, images["web-kernel"].ID) {
		t.Errorf("apply says:\n%s", said)
	}
	if n := strings.Count(cloud.openstack(t, "image", "list", "-f", "value", "-c", "Name"), "web-kernel\n"); n != 3 {
		t.Errorf("%d images are called web-kernel", n)
	}
}

func writeIn(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sha512File(t *testing.T, dir, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sha512sum", filepath.Join(dir, name)).Output()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(strings.Fields(string(out))[0])
}
