package pieces

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// open opens a row for writing, in pieces of 4096 bytes.
func open(t *testing.T, base string) *File {
	t.Helper()
	f, err := OpenLocked(base, Mode{Most: 4096, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// row makes a row of so many bytes.
func row(t *testing.T, base string, content []byte) {
	t.Helper()
	f := open(t, base)
	if err := f.Truncate(int64(len(content))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(content, 0); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// content reads a row.
func content(t *testing.T, base string) []byte {
	t.Helper()
	r, err := Look(base)
	if err != nil || r == nil {
		t.Fatalf("%v, %v", r, err)
	}
	f, err := r.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := make([]byte, r.Size())
	if _, err := f.ReadAt(text, 0); err != nil {
		t.Fatal(err)
	}
	return text
}

func random(seed uint64, n int) []byte {
	text := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range text {
		text[i] = byte(r.Uint32())
	}
	return text
}

// A row is a file: whatever is written and cut off, it has the same bytes as one.
func TestRowIsAFile(t *testing.T) {
	base := filepath.Join(t.TempDir(), "media.tar")
	f, want, r := open(t, base), []byte{}, rand.New(rand.NewPCG(1, 2))
	for range 300 {
		size := r.IntN(30000)
		if err := f.Truncate(int64(size)); err != nil {
			t.Fatal(err)
		}
		want = append(want, make([]byte, max(0, size-len(want)))...)[:size]
		part := random(r.Uint64(), r.IntN(size+1))
		at := r.IntN(size - len(part) + 1)
		copy(want[at:], part)
		if _, err := f.WriteAt(part, int64(at)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(content(t, base), want) {
			t.Fatalf("after %d bytes at %d of %d it is another one", len(part), at, size)
		}
	}
	if _, err := f.WriteAt([]byte("x"), int64(len(want))+5000); err == nil {
		t.Error("it was written to behind its end")
	}
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
}

// Bytes come over from pieces of any other size.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	text := random(3, 20000)
	row(t, filepath.Join(dir, "a"), text)
	if err := os.WriteFile(filepath.Join(dir, "b"), make([]byte, 20000), 0o600); err != nil {
		t.Fatal(err)
	}
	to, err := OpenLocked(filepath.Join(dir, "b"), Mode{})
	if err != nil {
		t.Fatal(err)
	}
	from := open(t, filepath.Join(dir, "a"))
	if _, err := Copy(to, 100, from, 300, 15000); err != nil {
		t.Fatal(err)
	}
	if got := content(t, filepath.Join(dir, "b")); !bytes.Equal(got[100:15100], text[300:15300]) {
		t.Error("other bytes came over")
	}
}

// Whenever Publish is killed, the row is the old one or the new one, and the next writer
// completes it.
func TestPublishKilled(t *testing.T) {
	old, now := random(1, 5*4096), random(2, 2*4096+700)
	for killed := range 5 {
		base := filepath.Join(t.TempDir(), "media.tar")
		row(t, base, old)
		row(t, Staged(base), now)
		if killed > 0 {
			if err := os.WriteFile(renamingPath(base), []byte("3\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for i := 1; i < killed; i++ {
			if err := os.Rename(Name(Staged(base), i), Name(base, i)); err != nil {
				t.Fatal(err)
			}
		}
		want := old
		if killed > 0 {
			want = now
			if r, err := Look(Staged(base)); r != nil || err != nil {
				t.Errorf("killed at %d: there is %v beside it, %v", killed, r, err)
			}
		}
		if !bytes.Equal(content(t, base), want) {
			t.Errorf("killed at %d: the row is neither", killed)
		}
		_ = open(t, base).Close()
		if !bytes.Equal(content(t, base), want) || exists(renamingPath(base)) {
			t.Errorf("killed at %d: the row is not complete", killed)
		}
	}
}

func TestPublish(t *testing.T) {
	base, now := filepath.Join(t.TempDir(), "media.tar"), random(2, 2*4096+700)
	row(t, base, random(1, 5*4096))
	row(t, Staged(base), now)
	f := open(t, Staged(base))
	if err := f.Publish(base); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(base + "*"); len(files) != 3 || !bytes.Equal(content(t, base), now) {
		t.Errorf("there is %v", files)
	}
}

// What is wrong with a set of pieces is said by the name of the piece.
func TestFiles(t *testing.T) {
	do := func(op func(string) error, name string) func(string) error {
		return func(base string) error { return op(base + name) }
	}
	writeFile := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	for name, tt := range map[string]struct {
		change func(base string) error
		want   string
	}{
		"whole":                {func(string) error { return nil }, ""},
		"the first is missing": {do(os.Remove, ".001"), "media.tar.001 is missing"},
		"one is missing":       {do(os.Remove, ".002"), "media.tar.002 is missing"},
		"the last is missing":  {do(os.Remove, ".003"), "media.tar.003 is missing"},
		"no table":             {do(os.Remove, ".pieces"), "media.tar.pieces of its pieces is missing"},
		"one is short":         {func(base string) error { return os.Truncate(base+".002", 10) }, "media.tar.002 is cut off"},
		"the first is short":   {func(base string) error { return os.Truncate(base+".001", 10) }, "media.tar.00"},
		"one more":             {do(writeFile("x"), ".004"), "media.tar.004 is of another set"},
		"one of another set": {func(base string) error {
			return errors.Join(os.Truncate(base+".003", 4096), writeFile("x")(base+".004"))
		}, "media.tar.004 is of another set"},
		"an archive beside":     {do(writeFile("x"), ""), "and also"},
		"a table of other text": {do(writeFile("no table\n"), ".pieces"), "media.tar.pieces:1: it is not a sha256 digest"},
		"another table":         {do(writeFile(strings.Repeat("a", 64)+"  other.tar.001\n"), ".pieces"), "does not name the pieces of"},
		"a table of one file":   {do(writeFile(strings.Repeat("a", 64)+"  media.tar\n"), ".pieces"), "media.tar.pieces names media.tar alone, and there are pieces"},
		"a directory":           {func(base string) error { return errors.Join(os.Remove(base+".002"), os.Mkdir(base+".002", 0o700)) }, "media.tar.002 is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			base := filepath.Join(t.TempDir(), "media.tar")
			row(t, base, random(1, 2*4096+700))
			if _, err := writeTable(t, base, nil); err != nil {
				t.Fatal(err)
			}
			if err := tt.change(base); err != nil {
				t.Fatal(err)
			}
			_, _, _, err := Files(base)
			if got := errorText(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if _, _, _, err := Files(filepath.Join(t.TempDir(), "none.tar")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A row is not written in pieces of another size.
func TestOtherSize(t *testing.T) {
	base := filepath.Join(t.TempDir(), "media.tar")
	row(t, base, random(1, 3*4096))
	for most, want := range map[int64]string{0: "the plan does not split it", 8192: "in pieces of 4096 bytes, and the plan splits it into pieces of 8192"} {
		if _, err := OpenLocked(base, Mode{Most: most, Create: true}); !strings.Contains(errorText(err), want) {
			t.Errorf("%d: %v", most, err)
		}
	}
	one := filepath.Join(t.TempDir(), "media.tar")
	if err := os.WriteFile(one, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLocked(one, Mode{Most: 4096}); !strings.Contains(errorText(err), "is one file") {
		t.Error(err)
	}
	first := open(t, filepath.Join(t.TempDir(), "media.tar"))
	if _, err := OpenLocked(first.Name(), Mode{Most: 4096}); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
}

func writeTable(t *testing.T, base string, known Sums) (string, error) {
	t.Helper()
	f, err := OpenLocked(base, Mode{Most: 4096})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, _, _, err := f.WriteTable(t.Context(), known)
	return string(text), err
}

// The digest of a piece is not computed again as long as it is the same file, unchanged, whoever has
// written to it.
func TestWriteTable(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(t *testing.T, f *File)
		known  int // of the first pieces
	}{
		"nothing":        {func(*testing.T, *File) {}, 3},
		"two more":       {func(t *testing.T, f *File) { must(t, f.Truncate(4*4096)) }, 2},
		"another writer": {func(t *testing.T, f *File) { must(t, os.Chtimes(Name(f.Name(), 3), time.Time{}, time.Unix(1, 0))) }, 2},
		"another file": {func(t *testing.T, f *File) {
			text, err := os.ReadFile(Name(f.Name(), 3))
			must(t, errors.Join(err, os.Remove(Name(f.Name(), 3)), os.WriteFile(Name(f.Name(), 3), text, 0o600)))
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			base := filepath.Join(t.TempDir(), "media.tar")
			row(t, base, random(1, 2*4096+700))
			_, err := writeTable(t, base, nil)
			must(t, err)
			table, _, found, err := Files(base)
			must(t, err)
			known := table.Sums(found)
			for name, sum := range known {
				known[name] = fileSum{sum.info, strings.Repeat("k", 64)}
			}
			f := open(t, base)
			tt.change(t, f)
			known.Forget(f.Changed())
			must(t, f.Close())
			text, err := writeTable(t, base, known)
			must(t, err)
			if got := strings.Count(text, "kkk  media.tar.00"); got != tt.known || !strings.HasPrefix(text, "kkk") {
				t.Errorf("%d digests are taken over, want %d:\n%s", got, tt.known, text)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A file that says that pieces get their names is believed only where a killed run can have left
// it, and it is never waited for.
func TestForeignRenaming(t *testing.T) {
	write := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	for name, tt := range map[string]struct {
		put   func(path string) error
		table bool
		want  string
	}{
		"fewer, beside a table": {write("2\n"), true, "no killed run leaves both"},
		"more, beside a table":  {write("9\n"), true, "no killed run leaves both"},
		"more":                  {write("9\n"), false, "media.tar.004 is missing"},
		"no number":             {write("x\n"), false, "not a number of pieces"},
		"a pipe":                {func(path string) error { return syscall.Mkfifo(path, 0o600) }, false, "is a named pipe"},
		"an endless file":       {func(path string) error { return os.Symlink("/dev/zero", path) }, false, "is a device"},
		"a long file":           {write(strings.Repeat("1", 100)), false, "more than 16 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			base := filepath.Join(t.TempDir(), "media.tar")
			row(t, base, random(1, 2*4096+700))
			if tt.table {
				if _, err := writeTable(t, base, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := tt.put(renamingPath(base)); err != nil {
				t.Fatal(err)
			}
			_, _, _, err := Files(base)
			_, look := Look(base)
			_, opened := OpenLocked(base, Mode{Most: 4096})
			for _, err := range []error{err, look, opened} {
				if !strings.Contains(errorText(err), tt.want) || fault.Hint(err) == "" || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("got %v (%s), want %q", err, fault.Hint(err), tt.want)
				}
			}
			if left, _ := filepath.Glob(base + ".00?"); len(left) != 3 {
				t.Errorf("%v are left", left)
			}
		})
	}
}
