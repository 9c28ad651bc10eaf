package trees

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// What is copied has bounds: bytes, and entries, which links to links make many of.
func TestCopyBounds(t *testing.T) {
	dir := t.TempDir()
	var errs []error
	for i := range 12 {
		at := filepath.Join(dir, fmt.Sprintf("d%d", i))
		errs = append(errs, os.Mkdir(at, 0o755))
		for _, name := range []string{"a", "b"} {
			errs = append(errs, os.Symlink(fmt.Sprintf("../d%d", i+1), filepath.Join(at, name)))
		}
	}
	errs = append(errs, os.Mkdir(filepath.Join(dir, "d12"), 0o755), os.WriteFile(filepath.Join(dir, "d12", "f"), []byte("12345"), 0o644))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		from string
		most int64
		want string // the error
	}{
		"few":                {"d10", 20, ""},
		"too many bytes":     {"d10", 19, "there are more than 19 B of files"},
		"too many of a few":  {"d0", 1 << 20, "there are more than 50 files and directories"},
		"without any bounds": {"d4", 0, ""},
	} {
		c := copier{dir: dir, most: tt.most, entries: 50, into: map[string]bool{}}
		if err := c.copy(filepath.Join(dir, tt.from), t.TempDir()); fmt.Sprint(err) != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	to := t.TempDir()
	if err := Copy(filepath.Join(dir, "d11"), to, dir, 20); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"a/f", "b/f"} {
		if text, err := os.ReadFile(filepath.Join(to, file)); err != nil || string(text) != "12345" {
			t.Errorf("%s: %q, %v", file, text, err)
		}
	}
}
