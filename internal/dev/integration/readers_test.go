//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// A reader reads images completely from a registry with another project's client,
// and returns their digests by name.
type reader func(t *testing.T, host string, images []setImage) map[string]string

func readers() map[string]reader {
	return map[string]reader{"skopeo": bySkopeo, "crane": byCrane, "regctl": byRegctl}
}

// checkReader compares the digests that a client reads with those of the source.
func (s set) checkReader(t *testing.T, url string, read reader) {
	t.Helper()
	host := strings.TrimPrefix(url, "http://")
	got := read(t, host, s.images)
	for _, img := range s.images {
		if got[img.repo] != img.digest {
			t.Errorf("%s:%s, %s, is read as %q, want %q", img.repo, img.tag, img.kind, got[img.repo], img.digest)
		}
	}
}

// bySkopeo copies each image to a directory of its own.
func bySkopeo(t *testing.T, host string, images []setImage) map[string]string {
	t.Helper()
	dir := t.TempDir()
	list := fmt.Sprintf("%q:\n  tls-verify: false\n  images:\n", host)
	for _, img := range images {
		list += fmt.Sprintf("    %s: [%q]\n", img.repo, img.tag)
	}
	file := filepath.Join(dir, "list.yaml")
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "skopeo", "--insecure-policy", "sync", "--all", "--preserve-digests", "--scoped", "--src", "yaml", "--dest", "dir", file, filepath.Join(dir, "to"))
	digests := map[string]string{}
	for _, img := range images {
		body, err := os.ReadFile(filepath.Join(dir, "to", img.nameAt(host), "manifest.json"))
		if err != nil {
			t.Error(err)
		}
		digests[img.repo] = digest(body)
	}
	return digests
}

// byCrane validates every image, including the contents of its layers.
func byCrane(t *testing.T, host string, images []setImage) map[string]string {
	t.Helper()
	crane := program(t, pinned.Crane)
	return readParallel(images, func(img setImage) string {
		run(t, crane, "validate", "--insecure", "--remote", img.nameAt(host))
		return strings.TrimSpace(run(t, crane, "digest", "--insecure", img.nameAt(host)))
	})
}

// byRegctl copies every image to an OCI layout of its own.
func byRegctl(t *testing.T, host string, images []setImage) map[string]string {
	t.Helper()
	regctl, dir := program(t, pinned.Regctl), t.TempDir()
	return readParallel(images, func(img setImage) string {
		layout := "ocidir://" + filepath.Join(dir, filepath.Base(img.repo)) + ":" + img.tag
		run(t, regctl, "--host", "reg="+host+",tls=disabled", "image", "copy", img.nameAt(host), layout)
		return strings.TrimSpace(run(t, regctl, "image", "digest", layout))
	})
}

// readParallel reads several images at a time.
func readParallel(images []setImage, read func(setImage) string) map[string]string {
	var mu sync.Mutex
	var all sync.WaitGroup
	digests := map[string]string{}
	slots := make(chan struct{}, 4)
	for _, img := range images {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			got := read(img)
			mu.Lock()
			defer mu.Unlock()
			digests[img.repo] = got
		})
	}
	all.Wait()
	return digests
}

// run runs a command and returns its output. If the command fails, the test fails.
// Any goroutine may call it.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	return runWith(t, nil, name, args...)
}

// runWith is run with additional environment variables.
func runWith(t *testing.T, environment []string, name string, args ...string) string {
	t.Helper()
	out, err := command(t, environment, name, args...).Output()
	if exit, ok := err.(*exec.ExitError); ok {
		out = append(out, exit.Stderr...)
	}
	if err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// command makes a command that cannot use the logins of the user.
func command(t *testing.T, environment []string, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(append(os.Environ(), "HOME="+os.TempDir()), environment...)
	return cmd
}
