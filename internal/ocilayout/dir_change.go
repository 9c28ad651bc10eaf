package ocilayout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// A change is a change of the index that a goroutine waits for.
type change struct {
	do    func(*layoutindex.Index) error
	ended bool
	err   error
}

// errGivenUp is the error of a change whose group has ended in a panic.
var errGivenUp = errors.New("the change of the index was given up")

// Change writes index.json anew. The index of a layout of many images takes
// long to write, so changes that are asked for during a write are written
// together by the next one. Each call returns when its change is lasting.
func (s *dirStore) Change(do func(*layoutindex.Index) error) error {
	if err := s.create(); err != nil {
		return err
	}
	c := &change{do: do, err: errGivenUp}
	s.queue.Lock()
	s.asked = append(s.asked, c)
	s.queue.Unlock()

	s.writer.Lock()
	defer s.writer.Unlock()
	if !c.ended { // this goroutine writes for all that wait
		s.writeAsked()
	}
	return c.err
}

// writeAsked makes all changes that are asked for.
func (s *dirStore) writeAsked() {
	s.queue.Lock()
	group := s.asked
	s.asked = nil
	s.queue.Unlock()

	err := s.write(group...)
	for _, c := range group {
		c.ended, c.err = true, err
		if err != nil && len(group) > 1 { // the reason may be another change
			c.err = s.write(c)
		}
	}
}

// write makes changes in one write. An error means that none of them is known
// to be made. The lock on the directory keeps other processes from changing the
// index at the same time.
func (s *dirStore) write(group ...*change) error {
	unlock, err := s.lockDir()
	if err != nil {
		return err
	}
	defer unlock()
	idx, err := s.beginWrite()
	if err != nil {
		return err
	}
	var now fs.FileInfo
	defer func() { s.endWrite(idx, now) }()
	for _, c := range group {
		if err := c.do(idx); err != nil {
			return err
		}
	}
	idx.CheckOrder()
	text, err := s.text(idx)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, indexFile)
	if err := durable.WriteBytes(path, layoutMode, text); err != nil {
		return err
	}
	now, err = os.Lstat(path)
	return err
}

// beginWrite gives a copy of the index. Until endWrite, others get the index as it was.
func (s *dirStore) beginWrite() (*layoutindex.Index, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.load()
	if err != nil {
		return nil, err
	}
	s.read, s.writing = old, true
	return old.Clone(), nil
}

// endWrite takes the index that was written: it need not be read again. Without a file, it is
// not known what the disk has.
func (s *dirStore) endWrite(idx *layoutindex.Index, now fs.FileInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.read, s.writing = now, idx, false
}

// text gives the content of index.json. People read a shared one, too.
func (s *dirStore) text(idx *layoutindex.Index) ([]byte, error) {
	if s.owned() {
		idx.SchemaVersion, idx.MediaType = 2, layoutindex.Type
		return json.Marshal(idx)
	}
	text, err := idx.Text()
	if err == nil && int64(len(text)) > maxIndex {
		err = fmt.Errorf("%s: an index of %d bytes is too large", s.dir, len(text))
	}
	return text, err
}

// lockDir keeps other processes from changing the index.
func (s *dirStore) lockDir() (unlock func(), err error) {
	if s.owned() {
		return func() {}, nil
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", s.dir, err), dir.Close())
	}
	return func() { _ = dir.Close() }, nil // closing ends the lock
}
