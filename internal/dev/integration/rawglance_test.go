//go:build integration

package integration

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An imageRecord is Glance's record of an image.
type imageRecord struct {
	ID              string
	Name            string
	Status          string
	Visibility      string
	Size            int64
	DiskFormat      string `json:"disk_format"`
	ContainerFormat string `json:"container_format"`
	HashAlgo        string `json:"os_hash_algo"`
	Hash            string `json:"os_hash_value"`
	KernelID        string `json:"kernel_id"`
	RamdiskID       string `json:"ramdisk_id"`
}

// images returns all images of Glance by name, with any status.
func (c cloud) images(t *testing.T) map[string]imageRecord {
	t.Helper()
	var answer struct{ Images []imageRecord }
	if err := json.Unmarshal(c.ask(t, "GET", "/v2/images?limit=1000", http.StatusOK), &answer); err != nil {
		t.Fatal(err)
	}
	all := map[string]imageRecord{}
	for _, img := range answer.Images {
		if other, twice := all[img.Name]; twice {
			t.Errorf("two images are called %q:\n%+v\n%+v", img.Name, other, img)
		}
		all[img.Name] = img
	}
	return all
}

// clear deletes all images.
func (c cloud) clear(t *testing.T) {
	t.Helper()
	for _, img := range c.images(t) {
		c.ask(t, "DELETE", "/v2/images/"+img.ID, http.StatusNoContent)
	}
}

// ask sends a request to Glance as the administrator.
func (c cloud) ask(t *testing.T, method, path string, want int) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.glance+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", c.token(t))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s %s: %s, want %d; %v\n%s", method, path, resp.Status, want, err, body)
	}
	return body
}

// token logs in to Keystone.
func (c cloud) token(t *testing.T) string {
	t.Helper()
	const login = `{"auth": {
		"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": "integration"}}},
		"scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}`
	req, err := http.NewRequestWithContext(t.Context(), "POST", c.keystone+"/v3/auth/tokens", strings.NewReader(login))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("log in at Keystone: %s", resp.Status)
	}
	return resp.Header.Get("X-Subject-Token")
}

// openstack runs OpenStack's own client and returns its output.
func (c cloud) openstack(t *testing.T, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "openstack", args...)
	cmd.Env = append(os.Environ(), "OS_CLIENT_CONFIG_FILE="+c.file, "OS_CLOUD=bayplan")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openstack %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// overcloudImages are the five images of the walk-through: name, file, disk format.
func overcloudImages() [][3]string {
	return [][3]string{
		{"overcloud-full-vmlinuz", "overcloud-full.vmlinuz", "aki"},
		{"overcloud-full-initrd", "overcloud-full.initrd", "ari"},
		{"overcloud-full", "overcloud-full.qcow2", "qcow2"},
		{"bm-deploy-kernel", "ironic-python-agent.kernel", "aki"},
		{"bm-deploy-ramdisk", "ironic-python-agent.initramfs", "ari"},
	}
}

// hasOvercloudImages checks Glance's images against the files in dir. more is the
// number of other images.
func (c cloud) hasOvercloudImages(t *testing.T, dir string, more int) map[string]imageRecord {
	t.Helper()
	images := c.images(t)
	if got, want := len(images), 5+more; got != want {
		t.Errorf("%d images, want %d: %+v", got, want, images)
	}
	for _, want := range overcloudImages() {
		file, err := os.ReadFile(filepath.Join(dir, want[1]))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha512.Sum512(file)
		img := images[want[0]]
		got := []any{img.Status, img.Visibility, img.DiskFormat, img.ContainerFormat, img.Size, img.HashAlgo, img.Hash}
		for i, w := range []any{"active", "public", want[2], "bare", int64(len(file)), "sha512", hex.EncodeToString(sum[:])} {
			if got[i] != w {
				t.Errorf("image %q: %v, want %v\n%+v", want[0], got[i], w, img)
			}
		}
	}
	full := images["overcloud-full"]
	if full.KernelID != images["overcloud-full-vmlinuz"].ID || full.RamdiskID != images["overcloud-full-initrd"].ID {
		t.Errorf("overcloud-full does not name its kernel and ramdisk: %+v", images)
	}
	return images
}
