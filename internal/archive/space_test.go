package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// Wherever the disk becomes full, the error says so and is not worth a retry, no
// file is left, and the old files are unchanged.
func TestDiskFullAnywhere(t *testing.T) {
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for _, name := range []string{"a", "d/b", "e"} {
		body := bytes.Repeat([]byte(name[:1]), 3*chunkBytes)
		if err := errors.Join(w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))}), writeAllTo(w, body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const writes = 9
	for full := range writes + 1 {
		dest := t.TempDir()
		if err := os.WriteFile(filepath.Join(dest, "a"), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dest)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		_, err = Extract(t.Context(), bytes.NewReader(data.Bytes()), root, Extraction{Source: "x", write: func(f *os.File, p []byte) (int, error) {
			if n++; n > full {
				return 0, &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
			}
			return f.Write(p)
		}})
		root.Close()
		if full == writes {
			if err != nil {
				t.Fatalf("with all writes through: %v", err)
			}
			break
		}
		if !errors.Is(err, syscall.ENOSPC) || fault.Hint(err) == "" || fault.IsConnection(err) {
			t.Errorf("full at write %d: error = %v, hint %q", full, err, fault.Hint(err))
		}
		left, err := os.ReadDir(dest)
		if err != nil || len(left) != 1 {
			t.Errorf("full at write %d: there are %v, %v", full, left, err)
		}
		if got, err := os.ReadFile(filepath.Join(dest, "a")); err != nil || string(got) != "old" {
			t.Errorf("full at write %d: a = %.20q, %v", full, got, err)
		}
	}
}

func writeAllTo(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

func TestRoomIsLookedAt(t *testing.T) {
	d, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := errors.Join(CheckSpace(d, 0), CheckSpace(d, 1), checkRoom(d, Entry{Name: "a", Size: 1})); err != nil {
		t.Error(err)
	}
	if err := CheckSpace(d, 1<<60); err == nil || fault.Hint(err) == "" || !strings.Contains(err.Error(), "GiB) free") {
		t.Errorf("error = %v, hint %q", err, fault.Hint(err))
	}
	if err := checkRoom(d, Entry{Name: "a", Size: 1 << 60}); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("error = %v", err)
	}
}

func TestFullDiskIsExplained(t *testing.T) {
	x := &Extraction{
		Want: []Entry{{Name: "a", Size: 40}, {Name: "b", Size: 2}},
	}
	tests := []struct {
		name string
		err  error
		hint string
	}{
		{"no space", fmt.Errorf("write x: %w", syscall.ENOSPC), "42 bytes"},
		{"quota", fmt.Errorf("write x: %w", syscall.EDQUOT), "42 bytes"},
		{"another", syscall.EIO, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := x.explain(tt.err)
			if !errors.Is(err, tt.err) {
				t.Errorf("error = %v", err)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, tt.hint) || (hint == "") != (tt.hint == "") {
				t.Errorf("hint = %q, want %q in it", hint, tt.hint)
			}
		})
	}
}
