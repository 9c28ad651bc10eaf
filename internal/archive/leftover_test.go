package archive_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bayplan/bayplan/internal/archive"
)

func TestClear(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := archive.Clear(root, "x.tar"); err != nil {
		t.Errorf("nothing left: %v", err)
	}
	writeFile(t, filepath.Join(dir, archive.StageName("x.tar"), "000000"), "half")
	writeFile(t, filepath.Join(dir, archive.StageName("y.tar"), "000000"), "another's")
	if err := archive.Clear(root, "x.tar"); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != archive.StageName("y.tar") {
		t.Errorf("left are %v, %v", left, err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, archive.StageName("z.tar"))); err != nil {
		t.Fatal(err)
	}
	if err := archive.Clear(root, "z.tar"); err == nil {
		t.Error("a link was followed")
	}
}
