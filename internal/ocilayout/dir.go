package ocilayout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/durable"
)

// A dirStore keeps a layout in a directory.
//
// Everything gets its place by a rename and index.json is written after all
// that it names, so that a run that is killed leaves blobs too many at the most.
type dirStore struct {
	dir string

	making sync.Mutex // the first blobs come beside each other

	mu   sync.Mutex // many requests of one run read and change the index
	seen fs.FileInfo
	read *Index // as it was in the file seen

	users  int      // executions that are going on
	shared *os.File // locked by them, nil as long as they have put nothing
}

func (l *dirStore) Check() error {
	text, err := readRegular(filepath.Join(l.dir, layoutFile), maxLayoutFile)
	switch {
	case err == nil:
		return checkLayoutFile(text, l.dir)
	case errors.Is(err, errIrregular):
		return err
	}
	names, err := os.ReadDir(l.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case slices.ContainsFunc(names, func(e fs.DirEntry) bool { return e.Name() == layoutFile }):
		return nil // somebody has just made it one
	case len(names) > 0 && !strings.HasPrefix(names[0].Name(), ".bayplan-part-"):
		return fmt.Errorf("%s is not an OCI layout, and not empty: it holds %q, but no file %s", l.dir, names[0].Name(), layoutFile)
	}
	return nil
}

// errIrregular is about something in a layout that is no honest file. To open a
// pipe would be to wait for whoever writes to it.
var errIrregular = errors.New("not a file of a layout")

func openRegular(path string) (*os.File, error) {
	fi, err := os.Stat(path)
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w: it is no regular file", path, errIrregular)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// readRegular reads a file that is not to have more than so many bytes.
func readRegular(path string, most int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s: %w: more than %d bytes are too much", path, errIrregular, most)
	}
	return text, err
}

// create makes the directory a layout, if it is none yet.
func (l *dirStore) create() error {
	l.making.Lock()
	defer l.making.Unlock()
	if _, err := durable.MkdirAll(l.dir, layoutDirMode); err != nil {
		return err
	}
	if err := l.Check(); err != nil {
		return err
	}
	path := filepath.Join(l.dir, layoutFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return durable.WriteBytes(path, layoutMode, []byte(layoutVersion))
}

func (l *dirStore) blobPath(d digest.Digest) string {
	return filepath.Join(l.dir, "blobs", d.Algorithm().String(), d.Encoded())
}

type dirBlob struct {
	*os.File
	size int64
}

func (b dirBlob) Size() int64 { return b.size }

func (l *dirStore) Open(d digest.Digest) (Blob, error) {
	f, err := openRegular(l.blobPath(d))
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return dirBlob{f, fi.Size()}, nil
}

func (l *dirStore) Put(d digest.Digest, _ int64, from io.Reader) error {
	if err := errors.Join(l.create(), l.share()); err != nil {
		return err
	}
	path := l.blobPath(d)
	if _, err := durable.MkdirAll(filepath.Dir(path), layoutDirMode); err != nil {
		return err
	}
	return durable.WriteFile(path, layoutMode, func(w io.Writer) error {
		_, err := copyBlob(w, d, from)
		return err
	})
}

func (l *dirStore) Index() (*Index, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.load()
}

func (l *dirStore) load() (*Index, error) {
	path := filepath.Join(l.dir, indexFile)
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return emptyIndex(), nil
	}
	if err != nil {
		return nil, err
	}
	if l.seen != nil && same(fi, l.seen) {
		return l.read, nil
	}
	text, err := readRegular(path, maxAnswer)
	if err != nil {
		return nil, err
	}
	idx, err := parseIndex(text, path)
	if err != nil {
		return nil, err
	}
	l.seen, l.read = fi, idx
	return idx, nil
}

// same says that a file is as it was when it was looked at before.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// Change writes index.json anew. The lock on the directory keeps other
// processes from doing that at the same time.
func (l *dirStore) Change(do func(*Index)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	dir, err := os.Open(l.dir)
	if err != nil {
		return err
	}
	defer dir.Close() // ends the lock
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", l.dir, err)
	}
	old, err := l.load()
	if err != nil {
		return err
	}
	idx := old.clone()
	do(idx)
	text, err := idx.Text()
	if err != nil {
		return err
	}
	return durable.WriteBytes(filepath.Join(l.dir, indexFile), layoutMode, text)
}

func (l *dirStore) OverheadBytes() int64 { return 0 }

// Begin notes that an execution begins: what it puts is not needed by anything
// yet, and must not be taken for superfluous by another process.
func (l *dirStore) Begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users++
}

// share keeps other processes from sweeping as long as the execution lasts.
func (l *dirStore) share() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users == 0 || l.shared != nil {
		return nil
	}
	f, err := os.Open(filepath.Join(l.dir, layoutFile))
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
		return errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	l.shared = f
	return nil
}

func (l *dirStore) Commit() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users = max(0, l.users-1)
	if l.users > 0 || l.shared == nil {
		return nil
	}
	f := l.shared
	l.shared = nil
	return f.Close() // ends the lock
}

// Blobs lists the blobs of the directory.
func (l *dirStore) Blobs() (map[digest.Digest]int64, error) {
	held := map[digest.Digest]int64{}
	err := l.eachBlob(func(path string, d digest.Digest) error {
		fi, err := os.Lstat(path)
		if err == nil {
			held[d] = fi.Size()
		}
		return err
	})
	return held, err
}

// eachBlob walks over the files of the blobs. The digest of one that is none
// is not valid.
func (l *dirStore) eachBlob(do func(path string, d digest.Digest) error) error {
	root := filepath.Join(l.dir, "blobs")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return do(path, digest.Digest(strings.Replace(name, string(filepath.Separator), ":", 1)))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// deleteUnreferenced removes all blobs that are not needed.
func (l *dirStore) deleteUnreferenced(needed map[digest.Digest]bool) error {
	f, err := os.Open(filepath.Join(l.dir, layoutFile))
	if err != nil {
		return err
	}
	defer f.Close() // ends the lock
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%s: another run is writing it", l.dir)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return l.eachBlob(func(path string, d digest.Digest) error {
		if needed[d] {
			return nil
		}
		return os.Remove(path)
	})
}
