package hostfiles

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner/steptest"
)

// copyOf gives a copy to make of a file with this content, and its directory.
func copyOf(t *testing.T, content string) (Copy, string) {
	t.Helper()
	dir := t.TempDir()
	boot := filepath.Join(dir, "httpboot")
	if err := os.Mkdir(boot, 0o755); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512([]byte(content))
	c := Copy{
		From: filepath.Join(dir, "agent.initramfs"), To: filepath.Join(boot, "agent.ramdisk"),
		Size: int64(len(content)), SHA512: hex.EncodeToString(sum[:]),
	}
	put(t, c.From, content, 0o600)
	return c, boot
}

func put(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// files gives a directory's files: mode and content by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = fi.Mode().String() + " " + string(content)
	}
	return got
}

func TestCopy(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	for name, before := range map[string]func(t *testing.T, to string){
		"absent":         func(*testing.T, string) {},
		"an older file":  func(t *testing.T, to string) { put(t, to, "older and longer than that", 0o755) },
		"a link nowhere": func(t *testing.T, to string) { link(t, "/absent/x", to) },
		"a link to a file": func(t *testing.T, to string) {
			put(t, filepath.Dir(filepath.Dir(to))+"/target", "target", 0o600)
			link(t, "../target", to)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, boot := copyOf(t, "ramdisk")
			before(t, c.To)
			var p steptest.Progress
			if err := c.Do(t.Context(), &p); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]string{"agent.ramdisk": "-rw-r--r-- ramdisk"}, files(t, boot)); diff != "" {
				t.Errorf("boot directory (-want +got):\n%s", diff)
			}
			if p.Bytes != c.Size {
				t.Errorf("told of %d bytes, want %d", p.Bytes, c.Size)
			}
			if target, err := os.ReadFile(filepath.Dir(boot) + "/target"); err == nil && string(target) != "target" {
				t.Errorf("the link's target became %q", target)
			}
		})
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// Whatever goes wrong, what was there stays, and nothing else is left.
func TestCopyFails(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name   string
		ctx    context.Context
		change func(t *testing.T, c *Copy)
		want   string
	}{
		{"the file grew", t.Context(), func(t *testing.T, c *Copy) { put(t, c.From, "ramdisk and more", 0o600) }, "changed since it was looked at"},
		{"the file shrank", t.Context(), func(t *testing.T, c *Copy) { put(t, c.From, "ram", 0o600) }, "changed since it was looked at"},
		{"the file changed", t.Context(), func(t *testing.T, c *Copy) { put(t, c.From, "RAMDISK", 0o600) }, "changed since it was looked at"},
		{"the file is gone", t.Context(), func(t *testing.T, c *Copy) { os.Remove(c.From) }, "no such file"},
		{"the run is stopped", cancelled, func(*testing.T, *Copy) {}, "context canceled"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, boot := copyOf(t, "ramdisk")
			put(t, c.To, "old", 0o644)
			tc.change(t, &c)
			err := c.Do(tc.ctx, &steptest.Progress{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
			if diff := cmp.Diff(map[string]string{"agent.ramdisk": "-rw-r--r-- old"}, files(t, boot)); diff != "" {
				t.Errorf("boot directory (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("no boot directory", func(t *testing.T) {
		c, boot := copyOf(t, "ramdisk")
		if err := os.Remove(boot); err != nil {
			t.Fatal(err)
		}
		if err := c.Do(t.Context(), &steptest.Progress{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got error %v", err)
		}
	})
}

func TestAttributesOfCopies(t *testing.T) {
	for mode, want := range map[fs.FileMode]bool{0o644: true, 0o755: true, 0o444: true, 0o640: false, 0o600: false, 0o244: false} {
		if got := readableByAll(mode); got != want {
			t.Errorf("%v: got %v", mode, got)
		}
		path := filepath.Join(t.TempDir(), "f")
		put(t, path, "", mode)
		if err := (Copy{To: path}).setAttributes(); err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := fi.Mode(); got != DefaultMode {
			t.Errorf("%v became %v", mode, got)
		}
	}
	if err := (Copy{To: "/absent/file"}).setAttributes(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}
