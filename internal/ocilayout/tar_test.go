package ocilayout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// What has been written meanwhile is not replaced, and what was left beside an
// archive goes when that is added to.
func TestTarMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "media.tar")
	put := func(l *Layout, text string) error {
		d := digest.FromString(text)
		return l.Put(d, int64(len(text)), strings.NewReader(text))
	}
	name := func(l *Layout) error { return l.Change(func(*layoutindex.Index) error { return nil }) }
	one := Open(path)
	if err := errors.Join(put(one, "one"), name(one)); err != nil {
		t.Fatal(err)
	}
	if err := put(Open(path), "two"); err == nil || !strings.Contains(err.Error(), "another run is writing it") {
		t.Errorf("got %v", err)
	}
	w := (&tarStore{}).newWriter(true)
	if err := one.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := w.stage(path, &tarDisk{index: layoutindex.Empty()}); err == nil || !strings.Contains(err.Error(), "another run has just written it") {
		t.Errorf("got %v", err)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(partOf(path)); err != nil {
		t.Fatal(err)
	}
	two := Open(path)
	if err := errors.Join(put(two, "two"), name(two), two.Commit()); err != nil {
		t.Fatal(err)
	}
	if names, _ := filepath.Glob(path + "*"); len(names) != 1 {
		t.Errorf("there is %v", names)
	}
	if held, err := two.Blobs(); err != nil || len(held) != 2 {
		t.Errorf("it holds %v, %v", held, err)
	}
}

// Whatever a killed run has left beside the archive, the next run publishes a whole
// layout.
func TestTarTornPart(t *testing.T) {
	text := strings.Repeat("layer! ", 100)
	put := func(l *Layout, text string) error {
		return l.Put(digest.FromString(text), int64(len(text)), strings.NewReader(text))
	}
	first := Open(filepath.Join(t.TempDir(), "media.tar"))
	if err := errors.Join(put(first, text), put(first, "two")); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(partOf(first.path))
	if err != nil {
		t.Fatal(err)
	}
	unused, err := tarHeader(unusedName, tarBlock)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(at int, with []byte) []byte {
		b := bytes.Clone(whole)
		copy(b[at:], with)
		return b
	}
	left := map[string][]byte{
		"room for the mark, without a name":   append(bytes.Clone(unused), make([]byte, tarBlock)...),
		"the mark's text, without a name":     replace(0, unused)[:2*tarBlock],
		"blobs behind a mark without a name":  replace(0, unused),
		"the mark's name, without its text":   replace(tarBlock, make([]byte, tarBlock)),
		"a mark of another version":           replace(tarBlock, []byte(strings.Replace(layoutVersion, "1.0.0", "9.0.0", 1))),
		"room that has no header yet":         make([]byte, 2*tarBlock),
		"blobs behind room without a header":  replace(0, make([]byte, tarBlock)),
		"nothing but garbage":                 bytes.Repeat([]byte("garbage "), 300),
		"a whole file, and another one on it": append(bytes.Clone(whole), whole...),
	}
	for n := 0; n <= len(whole); n += tarBlock / 2 {
		left[fmt.Sprintf("the first %d bytes", n)] = whole[:n]
	}
	for name, part := range left {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "media.tar")
			if err := os.WriteFile(partOf(path), part, 0o600); err != nil {
				t.Fatal(err)
			}
			l := Open(path)
			if err := errors.Join(put(l, text), l.Change(func(*layoutindex.Index) error { return nil }), l.Commit()); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path).Open(digest.FromString(text))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(f); err != nil || string(got) != text {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
			if _, err := Open(path).Index(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A file beside the archive that another user can have written is not believed: it may
// hold other bytes under the name of a blob.
func TestTarPlantedPart(t *testing.T) {
	text := strings.Repeat("layer! ", 100)
	d := digest.FromString(text)
	put := func(l *Layout) error { return l.Put(d, int64(len(text)), strings.NewReader(text)) }
	first := Open(filepath.Join(t.TempDir(), "media.tar"))
	if err := put(first); err != nil {
		t.Fatal(err)
	}
	planted, err := os.ReadFile(partOf(first.path))
	if err != nil {
		t.Fatal(err)
	}
	planted = bytes.ReplaceAll(planted, []byte("layer!"), []byte("wrong!"))
	ways := map[string]func(part string) error{
		"others may write to it": func(part string) error { return os.Chmod(part, 0o666) },
		"it has a second name":   func(part string) error { return os.Link(part, part+"2") },
	}
	if os.Geteuid() == 0 {
		ways["another user owns it"] = func(part string) error { return os.Chown(part, 65534, 65534) }
	}
	for name, plant := range ways {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "media.tar")
			if err := errors.Join(os.WriteFile(partOf(path), planted, 0o600), plant(partOf(path))); err != nil {
				t.Fatal(err)
			}
			l := Open(path)
			if err := errors.Join(put(l), l.Change(func(*layoutindex.Index) error { return nil }), l.Commit()); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path).Open(d)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(f); err != nil || string(got) != text {
				t.Errorf("it holds %.20q, %v", got, err)
			}
		})
	}
}

// Blobs that are too large for a plain header, and digests that are too long
// for one, have headers of several blocks.
// What is left of a blob that never came does not end behind its room, however large that is.
func TestTarHugeHole(t *testing.T) {
	for _, size := range []int64{maxPlainSize - 2*tarBlock, maxPlainSize - tarBlock, maxPlainSize, maxPlainSize + 1<<30} {
		path := filepath.Join(t.TempDir(), "media.tar")
		s := &tarStore{path: path}
		l := &Layout{path: path, store: s}
		text := []byte("layer")
		d := digest.FromBytes(text)
		if err := s.Change(func(*layoutindex.Index) error { return nil }); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		_, err := s.w.reserve(blobEntry(digest.FromString("huge")), size)
		s.mu.Unlock()
		if err := errors.Join(err, l.Put(d, int64(len(text)), bytes.NewReader(text)), s.Commit()); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path).Open(d)
		if err != nil {
			t.Errorf("%d bytes: %v", size, err)
			continue
		}
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes: %q, %v", size, got, err)
		}
	}
}

func TestTarLongHeaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "media.tar")
	s := &tarStore{path: path}
	text := bytes.Repeat([]byte("layer! "), 100)
	long := digest.SHA512.FromBytes(text)
	for range 2 {
		if err := (&Layout{path: path, store: s}).Put(long, 700, bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Change(func(*layoutindex.Index) error { return nil }); err != nil {
		t.Fatal(err)
	}
	huge := digest.FromString("huge")
	s.mu.Lock()
	at, err := s.w.reserve(blobEntry(huge), 9<<30)
	if err == nil {
		err = s.w.nameEntry(at, blobEntry(huge))
	}
	s.mu.Unlock()
	if err != nil || at.at-at.header <= tarBlock {
		t.Fatalf("%+v, %v", at, err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*tarStore{s, {path: path}} {
		f, err := s.Open(huge)
		if err != nil || f.Size() != 9<<30 {
			t.Fatalf("%v, %v", f, err)
		}
		if f, err = s.Open(long); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if _, err := s.Open(digest.FromString("none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	}
}
