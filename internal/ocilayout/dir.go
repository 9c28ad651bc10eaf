package ocilayout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/ocilayout/foreign"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// A dirStore keeps a layout in a directory.
//
// Every file gets its name by a rename, and index.json is written after all
// that it names. So a killed process leaves blobs that nothing needs, and no
// damage.
type dirStore struct {
	dir string
	// uploads is the directory for new blobs, on the same file system. Where it
	// is given, only one process writes the layout, and removes leftovers
	// there. Where it is "", processes share the layout, and new blobs are
	// written beside the others.
	uploads string

	making  sync.Mutex // several goroutines write blobs
	checked bool       // the directory is known to be a layout

	mu      sync.Mutex // several goroutines read the index, also while one writes it
	seen    fs.FileInfo
	read    *layoutindex.Index // the index in that file
	writing bool               // read is what counts until the write ends

	writer sync.Mutex // several goroutines change the index
	queue  sync.Mutex // they ask for changes while one writes
	asked  []*change

	sharing sync.Mutex // several goroutines begin blobs
	users   int        // running executions
	shared  *os.File   // their lock, nil until they write
}

func (s *dirStore) owned() bool { return s.uploads != "" }

func (s *dirStore) check() error {
	text, err := readRegular(filepath.Join(s.dir, layoutFile), maxLayoutFile)
	switch {
	case err == nil:
		return checkLayoutFile(text, s.dir)
	case errors.Is(err, errIrregular):
		return err
	}
	names, err := os.ReadDir(s.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return foreign.FileError(s.dir)
	case err != nil:
		return err
	case has(names, layoutFile):
		return nil // another process has just made it one
	case has(names, "manifest.json") && has(names, "version"):
		return foreign.SkopeoDirError(s.dir)
	case slices.ContainsFunc(names, func(e fs.DirEntry) bool { return foreign.IsDockerEntry(e.Name()) }):
		return foreign.OldArchiveError(s.dir)
	case len(names) > 0 && !strings.HasPrefix(names[0].Name(), durable.PartPrefix):
		return fmt.Errorf("%s is not an OCI layout, and not empty: it holds %q, but no file %s", s.dir, names[0].Name(), layoutFile)
	}
	return nil
}

func has(entries []fs.DirEntry, name string) bool {
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
}

// create makes the directory a layout, unless it is one.
func (s *dirStore) create() error {
	s.making.Lock()
	defer s.making.Unlock()
	path := filepath.Join(s.dir, layoutFile)
	fi, err := os.Stat(path)
	made := err == nil && fi.Size() > 0 // a killed process may have left an empty file
	if made && (s.checked || s.owned()) {
		return nil
	}
	if _, err := durable.MkdirAll(s.dir, layoutDirMode); err != nil {
		return err
	}
	if !s.owned() {
		if err := s.check(); err != nil {
			return err
		}
		s.checked = true
	}
	if made {
		return nil
	}
	return durable.WriteBytes(path, layoutMode, []byte(layoutVersion))
}

// blobPath gives the file of a blob. The index of another tool may hold any
// digest.
func (s *dirStore) blobPath(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil {
		return "", fmt.Errorf("%s: the digest %q: %w", s.dir, d, err)
	}
	return filepath.Join(s.dir, blobsDir, d.Algorithm().String(), d.Encoded()), nil
}

type dirBlob struct {
	*os.File
	size int64
}

// Size is the size of the file when it was opened.
func (b dirBlob) Size() int64 { return b.size }

func (s *dirStore) Open(d digest.Digest) (Blob, error) {
	path, err := s.blobPath(d)
	if err != nil {
		return nil, err
	}
	f, fi, err := openRegular(path, s.owned())
	if err != nil {
		return nil, err
	}
	return dirBlob{f, fi.Size()}, nil
}

// Link gives a blob of another directory a second name. Blobs are only put in
// place as a whole and removed, so a link is as good as a copy.
func (s *dirStore) Link(d digest.Digest, from Blob) error {
	b, ok := from.(dirBlob)
	if !ok || !s.owned() {
		return errors.ErrUnsupported
	}
	return s.place(d, func(path string) error {
		err := os.Link(b.Name(), path)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	})
}

// place puts a blob under its name and makes the name lasting.
func (s *dirStore) place(d digest.Digest, put func(path string) error) error {
	path, err := s.blobPath(d)
	if err != nil {
		return err
	}
	if _, err := durable.MkdirAll(filepath.Dir(path), layoutDirMode); err != nil {
		return err
	}
	if err := put(path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

func (s *dirStore) Remove(d digest.Digest) error {
	path, err := s.blobPath(d)
	if err != nil {
		return err
	}
	return os.Remove(path)
}

func (s *dirStore) Index() (*layoutindex.Index, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing {
		return s.read, nil
	}
	return s.load()
}

// load reads the index unless it is known. The caller holds the mutex.
func (s *dirStore) load() (*layoutindex.Index, error) {
	path := filepath.Join(s.dir, indexFile)
	stat := os.Stat
	if s.owned() {
		stat = os.Lstat
	}
	fi, err := stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), s.owned() && errors.Is(err, syscall.ENOTDIR):
		return layoutindex.Empty(), nil
	case err != nil:
		return nil, err
	case s.seen != nil && same(fi, s.seen):
		return s.read, nil
	}
	idx, err := s.readIndex(path)
	if err != nil {
		return nil, err
	}
	s.seen, s.read = fi, idx
	return idx, nil
}

func (s *dirStore) readIndex(path string) (*layoutindex.Index, error) {
	if s.owned() {
		return ReadIndex(path)
	}
	text, err := readRegular(path, maxIndex)
	if err != nil {
		return nil, err
	}
	return layoutindex.Parse(text, path)
}

// same says that a file has not changed since it was last read.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

func (s *dirStore) OverheadBytes() int64 { return 0 }
