package textfile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
)

func TestDecode(t *testing.T) {
	for _, tc := range []struct{ name, raw, want, fail string }{
		{"nothing", "", "", ""},
		{"one byte", "a", "a", ""},
		{"UTF-8", "aé\r\nb", "aé\r\nb", ""},
		{"a byte order mark", "\xef\xbb\xbfab", "ab", ""},
		{"a byte order mark alone", "\xef\xbb\xbf", "", ""},
		{"a mark inside", "a\xef\xbb\xbf", "a\xef\xbb\xbf", ""},
		{"UTF-16 of Windows", "\xff\xfea\x00b\x00", "", "this is UTF-16 text"},
		{"UTF-16, the other order", "\xfe\xff\x00a\x00b", "", "this is UTF-16 text"},
		{"UTF-16 without a mark", "a\x00b\x00c\x00", "", "this is UTF-16 text"},
		{"UTF-16 without a mark, the other order", "\x00a\x00b", "", "this is UTF-16 text"},
		{"UTF-32", "\xff\xfe\x00\x00a\x00\x00\x00", "", "this is UTF-32 text"},
		{"UTF-32, the other order", "\x00\x00\xfe\xff\x00\x00\x00a", "", "this is UTF-32 text"},
		{"UTF-32 without a mark", "a\x00\x00\x00b\x00\x00\x00", "", "this is UTF-32 text"},
		{"zero bytes", "\x00\x00\x00\x00", "\x00\x00\x00\x00", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := textfile.Decode([]byte(tc.raw))
			switch {
			case tc.fail != "":
				if err == nil || err.Error() != tc.fail || fault.Hint(err) != "save it as UTF-8" {
					t.Errorf("got error %v, want %s", err, tc.fail)
				}
			case err != nil || string(got) != tc.want:
				t.Errorf("got %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("\xef\xbb\xbftext"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "wide"), []byte("\xff\xfea\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path string
		most int64
		want string
	}{
		{"file", 7, ""},
		{"link", 7, ""},
		{"file", 6, "the file is larger than 6 B"},
		{"wide", 7, "wide: this is UTF-16 text"},
		{"absent", 7, "no such file or directory"},
		{".", 7, "is a directory"},
		{"pipe", 7, "pipe: is a named pipe, not a regular file"},
		{"/dev/zero", 7, "/dev/zero: is a device, not a regular file"},
	} {
		path := tc.path
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		got, err := textfile.Read(t.Context(), path, tc.most)
		switch {
		case tc.want == "":
			if err != nil || string(got) != "text" {
				t.Errorf("%s: got %q, %v", tc.path, got, err)
			}
		case err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path):
			t.Errorf("%s: got error %v, want %s", tc.path, err, tc.want)
		}
		if large := strings.Contains(tc.want, "larger"); errors.Is(err, textfile.ErrTooLarge) != large {
			t.Errorf("%s: too large: got %v", tc.path, !large)
		}
	}
}

// What the shell opened can be read to its end, and no longer than the context lasts.
func TestReadFromShell(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	path := "/dev/fd/" + strconv.Itoa(int(r.Fd()))
	if _, err := w.WriteString("\xef\xbb\xbftext"); err != nil { // it fits into the pipe
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := textfile.Read(t.Context(), path, 100); err != nil || string(got) != "text" {
		t.Errorf("got %q, %v", got, err)
	}

	r, w, err = os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := textfile.Read(ctx, "/dev/fd/"+strconv.Itoa(int(r.Fd())), 100); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v", err)
	}
}
