package ocilayout

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/pieces"
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
//
// The archive may lie in pieces. A table with their digests is removed before
// they change, and Seal writes it when they are complete.
type tarStore struct {
	path string

	mu       sync.Mutex
	form     *Form // nil: nobody has said it
	lastSeen *tarDisk
	w        *tarWriter  // nil while nothing is added
	users    int         // running executions
	known    pieces.Sums // digests of its files
}

// A tarDisk is what was found on the disk while nothing was added.
type tarDisk struct {
	main, part *pieces.Row // nil: not there
	index      *layoutindex.Index
	indexEntry span // in main
	blobs      map[digest.Digest]span
	inPlace    bool        // blobs can be added in place
	sums       pieces.Sums // digests of its files, as they are
	table      []byte      // of pieces, which were read and are those of the table; nil: they were not
}

func (s *tarStore) partPath() string { return partOf(s.path) }

func partOf(path string) string { return pieces.Staged(path) }

func (s *tarStore) check() error {
	_, err := s.Index()
	return err
}

func (s *tarStore) Index() (*layoutindex.Index, error) {
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
	if d := s.lastSeen; d != nil {
		switch ok := d.stays(s.path); {
		case ok:
			return d, nil
		case d.table != nil:
			return nil, changedError(s.path)
		}
	}
	main, err := pieces.Look(s.path)
	if err != nil {
		return nil, err
	}
	part, err := pieces.Look(s.partPath())
	if err != nil {
		return nil, err
	}
	for _, row := range []*pieces.Row{main, part} {
		if row == nil {
			continue
		}
		if fi := row.Irregular(); fi != nil {
			return nil, fmt.Errorf("%s is %s: a layout with such a name is a tar archive", s.path, kindOf(fi))
		}
	}
	if main != nil && s.form != nil {
		if err := main.Fits(s.form.Split); err != nil {
			return nil, err
		}
	}
	d, err := readDisk(main, part, s.path)
	if err != nil {
		return nil, s.explain(err)
	}
	s.lastSeen = d
	return d, nil
}

// explain gives the error about an archive that cannot be read: what is wrong with its pieces by
// their table, where there is one, tells more.
func (s *tarStore) explain(err error) error {
	if _, _, tableErr := pieces.ReadTable(s.path); tableErr != nil {
		return err
	}
	if _, _, _, wrong := pieces.Files(s.path); wrong != nil {
		err = wrong
	}
	if s.form != nil && s.form.sealed() {
		return anew(s.path, err)
	}
	return err
}

// stays says whether the files are as they were found, of many pieces those with the index and with
// the end of the archive.
func (d *tarDisk) stays(path string) bool {
	switch {
	case d.table == nil && d.part == nil && !pieces.StillNone(partOf(path)), d.part != nil && !d.part.Unchanged():
		return false
	case d.main == nil:
		return pieces.StillNone(path)
	}
	return d.main.UnchangedAt(d.indexEntry.header, d.indexEntry.following-d.indexEntry.header)
}

// has gives the place of a blob, unless a piece with its bytes has changed.
func (d *tarDisk) has(sum digest.Digest) (at span, found, changed bool) {
	at, found = d.blobs[sum]
	if found && d.main != nil && at.f == d.indexEntry.f {
		changed = !d.main.UnchangedAt(at.header, at.following-at.header)
	}
	return at, found, changed
}

func kindOf(fi fs.FileInfo) string {
	if fi.IsDir() {
		return "a directory"
	}
	return "not a regular file"
}

// readDisk reads the archive and what a killed run left, behind the end of the
// archive or in the file beside it.
func readDisk(main, part *pieces.Row, path string) (*tarDisk, error) {
	d := &tarDisk{main: main, part: part, index: layoutindex.Empty(), blobs: map[digest.Digest]span{}}
	if main != nil {
		f, err := main.Open()
		if err != nil {
			return nil, err
		}
		if err := d.readMain(f, path); err != nil {
			_ = f.Close() // nothing was written
			return nil, err
		}
	}
	if !d.inPlace && part != nil && part.OwnAlone() {
		if f, err := part.Open(); err == nil {
			d.addRest(f, 0)
		}
	}
	return d, nil
}

func (d *tarDisk) readMain(f *pieces.File, path string) error {
	l, idx, err := readArchive(f, path)
	if err != nil {
		return err
	}
	d.index, d.blobs, d.indexEntry = idx, l.blobs, *l.index
	d.inPlace = l.extensible() && !d.main.Linked()
	if d.inPlace {
		d.addRest(f, l.end+tarEnd)
	}
	return nil
}

// addRest adds the blobs behind the end of an archive. Torn entries there do
// not matter.
func (d *tarDisk) addRest(f *pieces.File, from int64) {
	size, err := f.Size()
	if err != nil {
		return
	}
	rest, _ := list(f, from, size)
	for sum, at := range rest.blobs {
		d.blobs[sum] = at
	}
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
	at, found, changed := disk.has(d)
	if !changed {
		return at, found, nil
	}
	if disk.table != nil {
		return span{}, false, changedError(s.path)
	}
	s.lastSeen = nil
	if disk, err = s.disk(); err != nil {
		return span{}, false, err
	}
	at, found = disk.blobs[d]
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

func (s *tarStore) Change(do func(*layoutindex.Index) error) error {
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
