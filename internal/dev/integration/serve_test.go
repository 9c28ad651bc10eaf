//go:build integration

package integration

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestServeCloud uses bayplan's cloud with OpenStack's own client.
func TestServeCloud(t *testing.T) {
	c := cloud{file: filepath.Join(t.TempDir(), "clouds.yaml")}
	hello := serve(t, "cloud", "--dir", t.TempDir())
	if err := os.WriteFile(c.file, []byte(hello), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.openstack(t, "image", "list", "-f", "value"); got != "" {
		t.Errorf("a new cloud has images:\n%s", got)
	}

	content := strings.Repeat("content ", 1<<17)
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c.openstack(t, "image", "create", "--file", file, "--disk-format", "qcow2", "--public",
		"--property", "kernel_id=3a7f5849-f332-4b5b-a162-4163644e4b5f", "overcloud-full")
	if got, want := c.openstack(t, "image", "list", "-f", "value", "-c", "Name", "-c", "Status"), "overcloud-full active\n"; got != want {
		t.Errorf("image list: %q, want %q", got, want)
	}

	var shown struct {
		Size       int
		Visibility string
		Properties map[string]any
	}
	if err := json.Unmarshal([]byte(c.openstack(t, "image", "show", "overcloud-full", "-f", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512([]byte(content))
	got := []any{shown.Size, shown.Visibility, shown.Properties["os_hash_value"], shown.Properties["kernel_id"]}
	want := []any{len(content), "public", hex.EncodeToString(sum[:]), "3a7f5849-f332-4b5b-a162-4163644e4b5f"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("image show (-want +got):\n%s", diff)
	}

	back := filepath.Join(t.TempDir(), "back")
	c.openstack(t, "image", "save", "--file", back, "overcloud-full")
	sameFiles(t, file, back)
	c.openstack(t, "image", "delete", "overcloud-full")
	if got := c.openstack(t, "image", "list", "-f", "value"); got != "" {
		t.Errorf("the image was deleted, and is there:\n%s", got)
	}
}

// TestServeRegistry reads bayplan's registry with curl: generated and pushed images.
func TestServeRegistry(t *testing.T) {
	curl := func(t *testing.T, url string, args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "curl", append(args, "-fsS", url)...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl %s: %v\n%s", url, err, out)
		}
		return string(out)
	}

	t.Run("generated images", func(t *testing.T) {
		url := serveRegistry(t, "--images", "rhosp13")
		var catalog struct{ Repositories []string }
		if err := json.Unmarshal([]byte(curl(t, url+"/v2/_catalog?n=1000")), &catalog); err != nil {
			t.Fatal(err)
		}
		served := map[string]bool{}
		for _, repo := range catalog.Repositories {
			served[repo] = true
		}
		for _, img := range sampleImages(t) {
			if !served[img.repo] {
				t.Errorf("the catalog has no %s", img.repo)
				continue
			}
			if tags := curl(t, url+"/v2/"+img.repo+"/tags/list"); !strings.Contains(tags, `"`+img.tag+`"`) {
				t.Errorf("%s has no tag %s: %s", img.repo, img.tag, tags)
			}
		}
	})
	t.Run("pushed images", func(t *testing.T) {
		url := serveRegistry(t, "--dir", t.TempDir())
		digests := fillRegistry(t, rawRegistry{url: url}, sampleImages(t))
		hasRepositories(t, []byte(curl(t, url+"/v2/_catalog?n=1000")))
		for _, img := range sampleImages(t) {
			body := curl(t, url+"/v2/"+img.repo+"/manifests/"+img.tag, "-H", "Accept: "+manifestType)
			if got, want := digest([]byte(body)), digests[img.repo]; got != want {
				t.Errorf("%s:%s is %s, want %s", img.repo, img.tag, got, want)
			}
		}
	})
}

func hasRepositories(t *testing.T, catalog []byte) {
	t.Helper()
	var answer struct{ Repositories []string }
	if err := json.Unmarshal(catalog, &answer); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lines(t, walkthrough+"catalog-repositories.txt"), answer.Repositories); diff != "" {
		t.Errorf("_catalog (-want +got):\n%s", diff)
	}
}

// serveRegistry runs `bayplan serve registry` and returns its URL.
func serveRegistry(t *testing.T, args ...string) string {
	t.Helper()
	hello, _ := serveAt(t, "127.0.0.1:0", "registry", args...)
	hello = strings.TrimSpace(hello)
	from := strings.LastIndex(hello, "http")
	if from < 0 {
		t.Fatalf("serve says %q, and no address", hello)
	}
	return strings.TrimSuffix(hello[from:], "/v2/")
}

// serve runs `bayplan serve` on a free port until the test ends, and returns
// the line that it prints when it is ready.
func serve(t *testing.T, service string, args ...string) string {
	t.Helper()
	hello, _ := serveAt(t, "127.0.0.1:0", service, args...)
	return hello
}

// serveAt does the same on an address, and also returns the process.
func serveAt(t *testing.T, address, service string, args ...string) (string, *os.Process) {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.Command("bayplan", append([]string{"serve", service, "--addr", address}, args...)...)
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Logf("bayplan serve %s: %v\n%s", service, err, stderr.String())
		}
	})
	// One read is enough: the line is written at once and is shorter than a pipe's
	// buffer.
	hello := make([]byte, 4096)
	n, err := stdout.Read(hello)
	if err != nil {
		t.Fatalf("bayplan serve %s ended: %v\n%s", service, err, stderr.String())
	}
	return string(hello[:n]), cmd.Process
}
