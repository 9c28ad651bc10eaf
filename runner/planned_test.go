package runner

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

func content(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewBufferString(s)), nil }
}

func TestPlannedWorld(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("real"), "real")
	write(t, at("both"), "as it is")
	w := Planned(&Disk{},
		File{Path: at("made"), Mode: fs.ModeDir | 0o700},
		File{Path: at("both"), Size: 3, Mode: 0o600, Open: content("old")},
		File{Path: at("a/b/f"), Size: 5, Mode: 0o640, Open: content("hello"), Sums: map[Algo]string{SHA256: "as planned"}},
		File{Path: at("both/"), Size: 3, Mode: 0o600, Open: content("new")},
		File{Path: at("later"), Size: 9, Mode: 0o600},
	)
	stats := []struct {
		name string
		want string // mode and size, "" for absent
		size int64
	}{
		{"made", "drwx------", 0},
		{"a", "drwxr-xr-x", 0},
		{"a/b", "drwxr-xr-x", 0},
		{"a/b/f", "-rw-r-----", 5},
		{"a/b/../b/f", "-rw-r-----", 5},
		{"both", "-rw-------", 3},
		{"real", "-rw-r--r--", 4},
		{"absent", "", 0},
		{"a/absent", "", 0},
	}
	for _, tt := range stats {
		fi, err := w.Stat(at(tt.name))
		switch {
		case tt.want == "":
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Stat %s: %v, want not exist", tt.name, err)
			}
		case err != nil:
			t.Errorf("Stat %s: %v", tt.name, err)
		case fi.Mode().String() != tt.want || fi.Size() != tt.size || fi.IsDir() != fi.Mode().IsDir() || fi.Name() != filepath.Base(tt.name):
			t.Errorf("Stat %s = %v %d %s", tt.name, fi.Mode(), fi.Size(), fi.Name())
		}
	}
	for name, want := range map[string]string{"a/b/f": "hello", "both": "new", "real": "real"} {
		r, err := w.Open(at(name))
		must(t, err)
		if got, _ := io.ReadAll(r); string(got) != want {
			t.Errorf("Open %s reads %q, want %q", name, got, want)
		}
		must(t, r.Close())
	}
	for name, want := range map[string]error{
		"made": syscall.EISDIR, "a": syscall.EISDIR, "absent": fs.ErrNotExist, "later": errNoContent, "both/f": syscall.ENOTDIR,
	} {
		if _, err := w.Open(at(name)); !errors.Is(err, want) {
			t.Errorf("Open %s: %v, want %v", name, err, want)
		}
	}
	if _, err := w.Stat(at("both/f")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("Stat below a file: %v", err)
	}
}

func TestPlannedSums(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	opened := atomic.Int32{}
	planned := File{Path: file, Size: 5, Sums: map[Algo]string{SHA256: "as planned"}, Open: func() (io.ReadCloser, error) {
		opened.Add(1)
		return content("hello")()
	}}
	shared := []*plannedFile{newPlannedFile(planned)}
	worlds := []World{plannedWorld(&Disk{}, shared), plannedWorld(&Disk{}, shared)}
	got, err := worlds[0].Sum(t.Context(), file, SHA256)
	must(t, err)
	if got[SHA256] != "as planned" || opened.Load() != 0 {
		t.Errorf("Sum = %v, opened %d times", got, opened.Load())
	}
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			got, err := worlds[i%2].Sum(t.Context(), file, MD5, SHA256)
			if err != nil || got[MD5] != digest(t, MD5, "hello") || got[SHA256] != "as planned" {
				t.Errorf("Sum = %v, %v", got, err)
			}
		})
	}
	all.Wait()
	if opened.Load() != 1 {
		t.Errorf("opened %d times, want once", opened.Load())
	}
	if planned.Sums[MD5] != "" {
		t.Error("the step's own map was written to")
	}
	if _, err := worlds[0].Sum(t.Context(), dir, MD5); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("Sum of a directory: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Planned(&Disk{}, planned).Sum(ctx, file, SHA512); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestPlannedReadDir(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("d/real"), "real")
	write(t, at("d/both"), "as it is")
	w := Planned(&Disk{},
		File{Path: at("d/both"), Open: content("new")},
		File{Path: at("d/sub/deep/f"), Open: content("f")},
		File{Path: at("d/.hidden"), Open: content("f")},
		File{Path: at("new/f"), Open: content("f")},
		File{Path: at("made"), Mode: fs.ModeDir | 0o755},
	)
	for name, want := range map[string][]string{
		"d": {".hidden", "both", "real", "sub"}, "d/sub": {"deep"}, "new": {"f"}, "made": {}, "": {"d", "made", "new"},
	} {
		got, err := w.ReadDir(at(name))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("ReadDir %q = %v, %v, want %v", name, got, err, want)
		}
	}
	for name, want := range map[string]error{
		"absent": fs.ErrNotExist, "d/both": syscall.ENOTDIR, "d/both/f": syscall.ENOTDIR, "d/real": syscall.ENOTDIR, "made/f": fs.ErrNotExist,
	} {
		if got, err := w.ReadDir(at(name)); !errors.Is(err, want) {
			t.Errorf("ReadDir %q = %v, %v, want %v", name, got, err, want)
		}
	}
}
