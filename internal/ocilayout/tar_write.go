package ocilayout

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/pieces"
)

// A tarWriter adds to an archive. Its file is locked against other processes.
// The mutex of its store guards it.
type tarWriter struct {
	f          *pieces.File
	most       int64        // bytes of a piece; 0: one file
	staged     bool         // it writes NAME.part
	replaces   *pieces.Row  // the archive that it replaces; nil: none
	replaced   *pieces.File // the same, locked
	blobs      map[digest.Digest]span
	unused     map[int64][]int64 // headers of entries that hold nothing, by their room
	open       int               // running uploads
	index      *layoutindex.Index
	changed    bool  // the index is not that of the archive
	indexEntry *span // the archive's index.json; nil when staged
	tail       int64 // where the next entry begins
	abandoned  bool  // its execution has ended
}

func (s *tarStore) newWriter(staged bool) *tarWriter {
	most := int64(0)
	if s.form != nil {
		most = s.form.Split
	}
	return &tarWriter{most: most, staged: staged, blobs: map[digest.Digest]span{}, unused: map[int64][]int64{}}
}

// close closes the files.
func (w *tarWriter) close() error {
	err := w.unlockReplaced()
	if w.f == nil {
		return err
	}
	return errors.Join(err, w.f.Close())
}

// lockReplaced locks the archive that is to be replaced against other processes, until the new one
// has its name.
func (w *tarWriter) lockReplaced(path string, old *pieces.Row) (err error) {
	if w.replaces = old; old == nil {
		return nil
	}
	w.replaced, err = old.Lock()
	return err
}

func (w *tarWriter) unlockReplaced() error {
	f := w.replaced
	if w.replaced = nil; f == nil {
		return nil
	}
	return f.Close() // ends the lock
}

// begin opens the archive, or the file beside it, for writing.
func (s *tarStore) begin() error {
	if s.w != nil {
		return nil
	}
	proven, err := s.begun()
	if err != nil {
		return err
	}
	if err := pieces.Complete(s.path); err != nil {
		return err
	}
	s.lastSeen = nil // a second name of the file does not show
	disk, err := s.disk()
	if err != nil {
		return err
	}
	if _, err := durable.MkdirAll(filepath.Dir(s.path), layoutDirMode); err != nil {
		return err
	}
	w := s.newWriter(!disk.inPlace)
	if disk.inPlace {
		if err = w.extend(s.path, proven); err == nil {
			if proven != nil {
				s.known = proven.sums
			}
			_ = pieces.Remove(s.partPath()) // left by a killed run; none runs while the archive is locked
		}
	} else if err = w.lockReplaced(s.path, disk.main); err == nil {
		err = w.stage(s.path, disk)
	}
	if err != nil {
		return errors.Join(err, w.close())
	}
	s.w, s.lastSeen = w, nil
	return nil
}

// begun gives the archive as Begin has read it, nil where it has no table of pieces.
func (s *tarStore) begun() (*tarDisk, error) {
	if d := s.lastSeen; d != nil && d.table != nil && d.main.Unchanged() {
		return d, nil
	}
	if _, _, err := pieces.ReadTable(s.path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return nil, changedError(s.path)
}

// openLocked opens and locks the files.
func (w *tarWriter) openLocked(path string, create bool) (err error) {
	w.f, err = pieces.OpenLocked(path, pieces.Mode{Most: w.most, Create: create})
	return err
}

// extend goes on behind the end of an archive, which has to be the proven one unless that is nil.
func (w *tarWriter) extend(path string, proven *tarDisk) error {
	if err := w.openLocked(path, false); err != nil {
		return err
	}
	l, idx, err := readArchive(w.f, path)
	if err != nil {
		return err
	}
	if !l.extensible() || proven != nil && !proven.main.Unchanged() {
		return fmt.Errorf("%s: another run has just written it", path)
	}
	if err := pieces.DropTable(path); err != nil {
		return err
	}
	w.index, w.indexEntry, w.blobs = idx, l.index, l.blobs
	_, err = w.resume(l.end + tarEnd)
	return err
}

// stage goes on with the file beside an archive, which is locked, and which gets all that the
// archive has.
func (w *tarWriter) stage(path string, disk *tarDisk) error {
	if err := w.removeUnfit(partOf(path)); err != nil {
		return err
	}
	if err := w.openLocked(partOf(path), true); err != nil {
		return err
	}
	if size, err := w.f.Size(); err != nil || size > 0 && !w.f.OwnAlone() {
		return errors.Join(fmt.Errorf("%s may have been written by another user", partOf(path)), err)
	}
	if err := w.checkReplaced(path); err != nil {
		return err
	}
	if err := w.f.SetMode(); err != nil {
		return err
	}
	marked, err := w.resume(0)
	if err != nil {
		return err
	}
	if !marked {
		if err := w.write(layoutFile, []byte(layoutVersion)); err != nil {
			return err
		}
	}
	w.index = disk.index
	return w.takeOver(disk.blobs)
}

// removeUnfit removes files in the place of the archive's part that another user can have
// written, whose blobs would get into the archive unread, and pieces of another size.
func (w *tarWriter) removeUnfit(part string) error {
	row, err := pieces.Look(part)
	if err != nil || row == nil || !row.Foreign() && row.Fits(w.most) == nil {
		return nil // opening it says what is wrong
	}
	if err := pieces.Remove(part); err != nil {
		return fmt.Errorf("%s may have been written by another user: %w", part, err)
	}
	return nil
}

// checkReplaced makes sure that the archive to replace is the one that was
// read.
func (w *tarWriter) checkReplaced(path string) error {
	now, err := pieces.Look(path)
	if err == nil && !pieces.Same(now, w.replaces) {
		err = fmt.Errorf("%s: another run has just written it", path)
	}
	return err
}

// resume finds the whole entries that a killed run left, and cuts off the rest. It reports
// whether one of them marks the archive as a layout: a run may be killed after it has made
// room for that entry.
func (w *tarWriter) resume(from int64) (marked bool, err error) {
	size, err := w.f.Size()
	if err != nil {
		return false, err
	}
	rest, _ := list(w.f, from, size) // a torn entry ends the list
	w.tail = rest.end
	if rest.index != nil { // it never became the index of the archive
		w.tail = rest.index.header
	}
	for d, at := range rest.blobs {
		if at.following <= w.tail {
			w.blobs[d] = at
		}
	}
	for _, u := range rest.unused {
		if u.following <= w.tail {
			w.unused[u.following-u.header] = append(w.unused[u.following-u.header], u.header)
		}
	}
	if l := rest.layout; l != nil && l.following <= w.tail {
		text, err := l.read(maxLayoutFile)
		marked = err == nil && checkLayoutFile(text, w.f.Name()) == nil
	}
	return marked, w.f.Truncate(w.tail)
}

// reserve makes an entry that holds nothing yet, with room for a file. It uses
// a left-over entry of the same size, or a new one.
func (w *tarWriter) reserve(name string, size int64) (span, error) {
	header, err := tarHeader(name, size)
	if err != nil {
		return span{}, err
	}
	room := int64(len(header)) + blocks(size)
	at := w.tail
	if free := w.unused[room]; len(free) > 0 {
		at = free[len(free)-1]
		w.unused[room] = free[:len(free)-1]
	} else if err := w.extendBy(room); err != nil {
		return span{}, err
	}
	return span{f: w.f, header: at, at: at + int64(len(header)), size: size, following: at + room}, nil
}

// extendBy appends an entry that holds nothing.
func (w *tarWriter) extendBy(room int64) error {
	unused, err := tarHeader(unusedName, room-tarBlock)
	if err != nil {
		return err
	}
	if err := w.f.Truncate(w.tail + room); err != nil {
		return err
	}
	if _, err := w.f.WriteAt(unused, w.tail); err != nil {
		return err
	}
	w.tail += room
	return nil
}

// nameEntry gives an entry its name, with one write of its first block.
func (w *tarWriter) nameEntry(s span, name string) error {
	header, err := tarHeader(name, s.size)
	if err != nil {
		return err
	}
	if _, err := w.f.WriteAt(header[tarBlock:], s.header+tarBlock); err != nil {
		return err
	}
	_, err = w.f.WriteAt(header[:tarBlock], s.header)
	return err
}

// write adds a small file.
func (w *tarWriter) write(name string, text []byte) error {
	s, err := w.reserve(name, int64(len(text)))
	if err != nil {
		return err
	}
	if _, err := w.f.WriteAt(text, s.at); err != nil {
		return err
	}
	return w.nameEntry(s, name)
}

// Commit makes the new index that of the archive. Without a new index, the
// blobs wait for the next run.
func (s *tarStore) Commit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = max(0, s.users-1)
	w := s.w
	if w == nil {
		return nil
	}
	var err error
	if w.changed {
		if err = w.publish(s.path); err != nil {
			err = fmt.Errorf("write %s: %w", s.path, err)
		}
	}
	switch {
	case s.users > 0: // they may add something
		return err
	case w.open > 0:
		w.abandoned = true // an execution has not noticed its end yet
		return err
	}
	return errors.Join(err, s.release(w))
}

// release unlocks the archive. Its file is closed when nothing refers to it.
func (s *tarStore) release(w *tarWriter) error {
	s.w = nil
	s.known.Forget(w.f.Changed())
	return errors.Join(w.f.Unlock(), w.unlockReplaced())
}

// publish writes the index and the end mark, and makes them those of the
// archive.
func (w *tarWriter) publish(path string) error {
	text, err := w.index.Text()
	if err != nil {
		return err
	}
	if int64(len(text)) > maxIndex {
		return fmt.Errorf("an index of %d bytes is too large", len(text))
	}
	w.trim()
	next := &span{f: w.f, header: w.tail, at: w.tail + tarBlock, size: int64(len(text))}
	next.following = next.at + blocks(next.size)
	// Bytes behind the tail could follow the new end mark, so they are cut off.
	if err := errors.Join(w.f.Truncate(w.tail), w.f.Truncate(next.following+tarEnd)); err != nil {
		return err
	}
	header, err := tarHeader(indexFile, next.size)
	if err != nil {
		return err
	}
	if _, err := w.f.WriteAt(append(header, text...), next.header); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return err
	}
	if err := w.switchIndex(path); err != nil {
		return err
	}
	w.indexEntry, w.staged, w.changed, w.tail = next, false, false, next.following+tarEnd
	clear(w.unused) // they are inside the archive now
	return nil
}

// switchIndex makes the new index that of the archive, in one step.
func (w *tarWriter) switchIndex(path string) error {
	if w.staged {
		err := w.checkReplaced(path)
		if err == nil {
			err = pieces.DropTable(path)
		}
		if err == nil {
			err = w.f.Publish(path)
		}
		return errors.Join(err, w.unlockReplaced())
	}
	header, err := tarHeader(unusedName, w.indexEntry.following+tarEnd-w.indexEntry.at)
	if err != nil {
		return err
	}
	if _, err := w.f.WriteAt(header, w.indexEntry.header); err != nil {
		return err
	}
	return w.f.Sync()
}

// trim drops entries at the end that hold nothing.
func (w *tarWriter) trim() {
	if w.open > 0 {
		return
	}
	for again := true; again; {
		again = false
		for room, free := range w.unused {
			if i := slices.Index(free, w.tail-room); i >= 0 {
				w.unused[room] = slices.Delete(free, i, i+1)
				w.tail -= room
				again = true
			}
		}
	}
}
