package ocilayout

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// What a killed run left goes, however the directory is called.
func TestDirLeftovers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media [1]")
	addNamed(t, Open(dir), "a:1")
	left := filepath.Join(dir, "blobs", "sha256", durable.PartPrefix+"blob-"+rand.Text())
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	addNamed(t, Open(dir), "a:2")
	if _, err := os.Lstat(left); err == nil {
		t.Error("the leftover is still there")
	}
}

// An index that could not be read again is not written.
func TestDirIndexTooLarge(t *testing.T) {
	l := Open(t.TempDir())
	addNamed(t, l, "a:1")
	err := l.Change(func(idx *layoutindex.Index) error {
		idx.Annotations = map[string]string{"text": strings.Repeat("x", maxIndex)}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "is too large") {
		t.Errorf("got %v", err)
	}
	if err := Open(l.Path()).Check(); err != nil {
		t.Error(err)
	}
}
