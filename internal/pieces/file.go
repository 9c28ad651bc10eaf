package pieces

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/bayplan/bayplan/internal/durable"
)

// fileMode is the mode of new files.
const fileMode = fs.FileMode(0o644)

// A File is a row that is open, as if it was one file. ReadAt, WriteAt and Sync may be called by
// several goroutines at once, and Truncate by one beside them. Its files are closed when nothing
// refers to it.
type File struct {
	base  string
	split bool
	step  int64 // the bytes of each piece but the last

	mu      sync.Mutex // guards what follows; no bytes move under it
	files   []*os.File
	unsaved map[int]bool // written to since the last Sync
	changed map[int]bool // written to since it was opened
	named   bool         // files came or went since the last Sync

	syncing sync.Mutex // a Sync that finds nothing to do has waited for the one that does it
}

// Open opens a row for reading.
func (r *Row) Open() (*File, error) { return r.open(os.O_RDONLY, r.step()) }

func (r *Row) open(flags int, step int64) (*File, error) {
	f := newFile(r.base, r.Split, step)
	for i, path := range r.Paths {
		one, err := os.OpenFile(path, flags|syscall.O_NONBLOCK, 0) // a pipe may have come in its place
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		f.files = append(f.files, one)
		if fi, err := one.Stat(); err != nil || !os.SameFile(fi, r.infos[i]) {
			return nil, errors.Join(fmt.Errorf("%s: another file has just taken its place", path), err, f.Close())
		}
	}
	return f, nil
}

func newFile(base string, split bool, step int64) *File {
	return &File{base: base, split: split, step: step, unsaved: map[int]bool{}, changed: map[int]bool{}}
}

// path gives the name of a file of the row.
func (f *File) path(i int) string {
	if !f.split {
		return f.base
	}
	return Name(f.base, i+1)
}

// Name is the name of the row.
func (f *File) Name() string { return f.base }

// OwnAlone says whether nobody but the user can have written the files.
func (f *File) OwnAlone() bool {
	return !slices.ContainsFunc(f.all(), func(one *os.File) bool {
		fi, err := one.Stat()
		return err != nil || !durable.OwnAlone(fi)
	})
}

// SetMode gives all files the mode of new ones.
func (f *File) SetMode() error {
	for _, one := range f.all() {
		if err := durable.SetMode(one, fileMode); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) all() []*os.File {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.files)
}

// Close closes the files.
func (f *File) Close() error {
	var errs []error
	for _, one := range f.all() {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// Size is the number of bytes.
func (f *File) Size() (int64, error) {
	n := int64(0)
	for _, one := range f.all() {
		fi, err := one.Stat()
		if err != nil {
			return 0, err
		}
		n += fi.Size()
	}
	return n, nil
}

// at gives the file that holds a byte, the byte's place in it, and how many bytes from there on
// it can hold. With write, the file is noted as changed. It gives nil behind the last file.
func (f *File) at(off int64, write bool) (*os.File, int64, int64) {
	i := int(off / f.step)
	f.mu.Lock()
	defer f.mu.Unlock()
	if i >= len(f.files) {
		return nil, 0, 0
	}
	if write {
		f.unsaved[i], f.changed[i] = true, true
	}
	return f.files[i], off % f.step, f.step - off%f.step
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s: %w", f.base, fs.ErrInvalid)
	}
	n := 0
	for n < len(p) {
		one, at, room := f.at(off+int64(n), false)
		if one == nil {
			return n, io.EOF
		}
		part := p[n:min(int64(len(p)), int64(n)+min(room, math.MaxInt64-int64(n)))]
		m, err := one.ReadAt(part, at)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// WriteAt implements io.WriterAt. Truncate has made the row long enough.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		one, at, room := f.at(off+int64(n), true)
		if one == nil {
			return n, fmt.Errorf("write %s: %w", f.base, io.ErrShortWrite)
		}
		part := p[n:min(int64(len(p)), int64(n)+min(room, math.MaxInt64-int64(n)))]
		m, err := one.WriteAt(part, at)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// Copy copies bytes of one row to another, within the file system where it can. Nobody else may
// call it with one of them.
func Copy(to *File, at int64, from *File, off, n int64) (copied int64, err error) {
	for copied < n {
		src, srcAt, srcRoom := from.at(off+copied, false)
		dst, dstAt, dstRoom := to.at(at+copied, true)
		if src == nil || dst == nil {
			return copied, io.ErrUnexpectedEOF
		}
		if _, err := dst.Seek(dstAt, io.SeekStart); err != nil {
			return copied, err
		}
		if _, err := src.Seek(srcAt, io.SeekStart); err != nil {
			return copied, err
		}
		m, err := io.CopyN(dst, src, min(srcRoom, dstRoom, n-copied))
		if copied += m; err != nil {
			return copied, err
		}
	}
	return copied, nil
}

// Truncate changes the size. It makes and removes pieces. At no moment a piece is short that is
// not the last.
func (f *File) Truncate(size int64) error {
	need := int(max(1, (size-1)/f.step+1))
	if need > maxPieces {
		return fmt.Errorf("%s: %d bytes are more than %d pieces", f.base, size, maxPieces)
	}
	for n := len(f.all()); n > need; n-- {
		if err := f.drop(); err != nil {
			return err
		}
	}
	for {
		n := len(f.all())
		if err := f.resize(n-1, min(f.step, size-int64(n-1)*f.step)); err != nil || n == need {
			return err
		}
		one, err := os.OpenFile(f.path(n), os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, fileMode)
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.files, f.named = append(f.files, one), true
		f.mu.Unlock()
		if err := durable.SetMode(one, fileMode); err != nil {
			return err
		}
	}
}

func (f *File) resize(i int, size int64) error {
	one := f.all()[i]
	if fi, err := one.Stat(); err != nil || fi.Size() == size {
		return err
	}
	f.mu.Lock()
	f.unsaved[i], f.changed[i] = true, true
	f.mu.Unlock()
	return one.Truncate(size)
}

// drop removes the last piece. Readers may still have its file.
func (f *File) drop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.files) - 1
	if err := os.Remove(f.path(last)); err != nil {
		return err
	}
	delete(f.unsaved, last)
	f.files, f.named, f.changed[last] = f.files[:last], true, true
	return nil
}

// Sync makes all that was written last.
func (f *File) Sync() error {
	if !f.split {
		return f.files[0].Sync()
	}
	f.syncing.Lock()
	defer f.syncing.Unlock()
	f.mu.Lock()
	unsaved, named, files := f.unsaved, f.named, slices.Clone(f.files)
	f.unsaved, f.named = map[int]bool{}, false
	f.mu.Unlock()
	var errs []error
	for i, one := range files {
		if unsaved[i] {
			errs = append(errs, one.Sync())
		}
	}
	if named {
		errs = append(errs, durable.SyncDir(filepath.Dir(f.base)))
	}
	err := errors.Join(errs...)
	if err != nil {
		f.mu.Lock()
		for i := range unsaved {
			f.unsaved[i] = true
		}
		f.named = f.named || named
		f.mu.Unlock()
	}
	return err
}

// Changed gives the names of the files that were written to since the row was opened.
func (f *File) Changed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for i := range f.changed {
		names = append(names, filepath.Base(f.path(i)))
	}
	return names
}
