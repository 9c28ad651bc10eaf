package archive_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The scene and its snapshots must show damage: a naive extractor must be caught
// with most of the same archives.
func TestLargeNaiveExtractorIsCaught(t *testing.T) {
	escaped, caught := 0, 0
	for _, tt := range hostileArchives(t) {
		if tt.limits != none || strings.HasPrefix(tt.name, "fifo") || tt.name == "too many entries by default" {
			continue
		}
		base, victim, dest := scene(t)
		before := snapshot(t, base)
		err := naive(tt.build(victim), dest)
		after := snapshot(t, base)
		switch {
		case hasEscaped(before, after):
			escaped++
			caught++
		case err == nil || dangerous(t, dest) || len(after) > len(before):
			caught++
		}
	}
	t.Logf("naive: %d escapes, %d archives taken or half unpacked", escaped, caught)
	if escaped < 25 || caught < 75 {
		t.Errorf("the naive extractor escaped %d times and was caught %d times; the scene does not see enough", escaped, caught)
	}
}

// naive unpacks an archive without any check.
func naive(b []byte, dest string) error {
	var r io.Reader = bytes.NewReader(b)
	switch {
	case bytes.HasPrefix(b, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		r = z
	case bytes.HasPrefix(b, []byte("BZh")):
		r = bzip2.NewReader(bufio.NewReader(r))
	}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := naiveEntry(tr, h, filepath.Join(dest, h.Name)); err != nil {
			return err
		}
	}
}

func naiveEntry(tr *tar.Reader, h *tar.Header, path string) error {
	if strings.HasPrefix(h.Name, "/") {
		path = h.Name
	}
	os.MkdirAll(filepath.Dir(path), 0o755)
	switch h.Typeflag {
	case tar.TypeDir:
		os.MkdirAll(path, 0o755)
		return os.Chmod(path, fs.FileMode(h.Mode))
	case tar.TypeSymlink:
		return os.Symlink(h.Linkname, path)
	case tar.TypeLink:
		to := filepath.Join(dest(path, h.Name), h.Linkname)
		if strings.HasPrefix(h.Linkname, "/") {
			to = h.Linkname
		}
		return os.Link(to, path)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return syscall.Mkfifo(path, 0o644)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, io.LimitReader(tr, 1<<24)) // the limit protects the disk of the test
	return err
}

// dest returns the destination directory of an entry with this path and name.
func dest(path, name string) string {
	return strings.TrimSuffix(path, filepath.Clean("/"+name))
}

// scene makes a directory to unpack into and a victim beside it.
func scene(t *testing.T) (base, victim, dest string) {
	t.Helper()
	base = t.TempDir()
	victim, dest = filepath.Join(base, "victim"), filepath.Join(base, "dest")
	for _, d := range []string{victim, dest} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil { // whatever the umask is
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(victim, "hello"), []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	return base, victim, dest
}

// snapshot describes every file below a directory.
func snapshot(t *testing.T, base string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		what := fi.Mode().String()
		switch {
		case fi.Mode().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += fmt.Sprintf(" links=%d %.200q", fi.Sys().(*syscall.Stat_t).Nlink, b)
		case fi.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what += " -> " + to
		}
		rel, err := filepath.Rel(base, path)
		all[rel] = what
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hasEscaped reports whether anything outside the destination has changed, or
// the victim's content is inside it.
func hasEscaped(before, after map[string]string) bool {
	for name, what := range after {
		inside := name == "dest" || strings.HasPrefix(name, "dest/")
		if inside && strings.Contains(what, canary) || !inside && before[name] != what {
			return true
		}
	}
	return len(after) < len(before)
}

// dangerous reports whether there is anything but plain files and directories.
func dangerous(t *testing.T, dest string) bool {
	t.Helper()
	for _, what := range snapshot(t, dest) {
		mode, _, _ := strings.Cut(what, " ")
		switch mode {
		case "drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x":
		default:
			return true
		}
	}
	return false
}
