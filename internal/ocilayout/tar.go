package ocilayout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/durable"
)

// isTar says whether a layout of that name is a tar archive.
func isTar(name string) bool { return strings.HasSuffix(name, ".tar") }

// A tarStore keeps a layout in a tar archive. The archive under its name is
// complete at every moment, and a run goes on with the blobs that a killed run
// wrote.
//
// Blobs are added to the archive in place. They are written as entries behind
// its end mark, where no reader looks, then the new index.json and a new end
// mark. Last, the header of the old index.json, which is one block of a disk,
// is overwritten with that of an unused file. This file is so long that it
// covers the old end mark: with one write the archive goes on with the new
// entries. The header of each new entry is written in the same way: first as
// that of an unused file, and as that of the blob when its bytes are there.
//
// Sometimes the archive is written as a new file beside it, NAME.part: if it
// does not exist, if another tool wrote its entries in another order, or if it
// has a second name.
type tarStore struct {
	path string

	mu       sync.Mutex
	lastSeen *tarDisk
	w        *tarWriter // nil while nothing is added
}

// A tarDisk is what was found on the disk while nothing was added.
type tarDisk struct {
	main, part fs.FileInfo // nil: not there
	index      *Index
	blobs      map[digest.Digest]span
	inPlace    bool // blobs can be added in place
}

func (s *tarStore) partPath() string { return partOf(s.path) }

func partOf(path string) string { return path + ".part" }

func (s *tarStore) check() error {
	_, err := s.Index()
	return err
}

func (s *tarStore) Index() (*Index, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w != nil {
		return s.w.index, nil
	}
	d, err := s.disk()
	if err != nil {
		return nil, err
	}
	return d.index, nil
}

// disk reads the archive, unless it has not changed.
func (s *tarStore) disk() (*tarDisk, error) {
	main, err := stat(s.path)
	if err != nil {
		return nil, err
	}
	part, err := stat(s.partPath())
	if err != nil {
		return nil, err
	}
	if d := s.lastSeen; d != nil && sameOrNone(d.main, main) && sameOrNone(d.part, part) {
		return d, nil
	}
	for _, fi := range []fs.FileInfo{main, part} {
		if fi != nil && !fi.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is %s: a layout with such a name is a tar archive", s.path, kindOf(fi))
		}
	}
	d, err := s.readDisk()
	if err != nil {
		return nil, err
	}
	d.main, d.part = main, part
	s.lastSeen = d
	return d, nil
}

func kindOf(fi fs.FileInfo) string {
	if fi.IsDir() {
		return "a directory"
	}
	return "no regular file"
}

// stat gives nil for a missing file.
func stat(path string) (fs.FileInfo, error) {
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return fi, err
}

func sameOrNone(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return same(a, b)
}

// readDisk reads the archive and what a killed run left, behind the end of the
// archive or in the file beside it.
func (s *tarStore) readDisk() (*tarDisk, error) {
	d := &tarDisk{index: emptyIndex(), blobs: map[digest.Digest]span{}}
	f, err := os.Open(s.path)
	switch {
	case err == nil:
		if err := d.readMain(f, s.path); err != nil {
			_ = f.Close() // nothing was written
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if !d.inPlace {
		if fi, err := os.Lstat(s.partPath()); err == nil && durable.OwnAlone(fi) {
			if f, err := os.Open(s.partPath()); err == nil {
				d.addRest(f, 0)
			}
		}
	}
	return d, nil
}

func (d *tarDisk) readMain(f *os.File, path string) error {
	l, idx, err := readArchive(f, path)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	d.index, d.blobs = idx, l.blobs
	d.inPlace = l.extensible() && links(fi) == 1
	if d.inPlace {
		d.addRest(f, l.end+tarEnd)
	}
	return nil
}

// addRest adds the blobs behind the end of an archive. Torn entries there do
// not matter.
func (d *tarDisk) addRest(f *os.File, from int64) {
	fi, err := f.Stat()
	if err != nil {
		return
	}
	rest, _ := list(f, from, fi.Size())
	for sum, at := range rest.blobs {
		d.blobs[sum] = at
	}
}

// links is the number of names of a file.
func links(fi fs.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// A tarBlob reads a blob inside the archive. Other blobs share the file, so it
// is closed when nothing refers to it.
type tarBlob struct{ *io.SectionReader }

func (tarBlob) Close() error { return nil }

func (s *tarStore) Open(d digest.Digest) (Blob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, found, err := s.find(d)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%s: %s: %w", s.path, d, fs.ErrNotExist)
	}
	return tarBlob{io.NewSectionReader(at.f, at.at, at.size)}, nil
}

func (s *tarStore) find(d digest.Digest) (span, bool, error) {
	if s.w != nil {
		at, found := s.w.blobs[d]
		return at, found, nil
	}
	disk, err := s.disk()
	if err != nil {
		return span{}, false, err
	}
	at, found := disk.blobs[d]
	return at, found, nil
}

// OverheadBytes is the size of an archive that must be written anew.
func (s *tarStore) OverheadBytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.disk()
	if s.w != nil || err != nil || d.main == nil || d.inPlace {
		return 0
	}
	return d.main.Size()
}

func (s *tarStore) Change(do func(*Index) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin(); err != nil {
		return err
	}
	idx := s.w.index.Clone() // others may be reading it
	if err := do(idx); err != nil {
		return err
	}
	s.w.index, s.w.changed = idx, true
	return nil
}
