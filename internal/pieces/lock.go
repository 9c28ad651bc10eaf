package pieces

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"

	"github.com/bayplan/bayplan/internal/fault"
)

// A Mode says how OpenLocked opens a row.
type Mode struct {
	Most   int64 // bytes of a piece; 0 is one file
	Create bool  // where it is not there; links are not followed then
}

// ErrLocked says that another process has the row open for writing, or has just replaced it.
var ErrLocked = errors.New("another run is writing it")

// OpenLocked opens a row for reading and writing. No other process can do that until it is
// unlocked. It completes what a killed Publish has begun.
func OpenLocked(base string, m Mode) (*File, error) {
	f, err := openWritable(base, m)
	if err != nil {
		return nil, err
	}
	return f.taken()
}

// Lock locks a row that is to be replaced, as OpenLocked does. Nothing is written to its files.
func (r *Row) Lock() (*File, error) {
	f, err := r.open(os.O_RDWR, r.step())
	if errors.Is(err, fs.ErrPermission) {
		f, err = r.Open()
	}
	if err != nil {
		return nil, err
	}
	return f.taken()
}

// Complete completes what a killed Publish of a row has begun.
func Complete(base string) error {
	if !exists(renamingPath(base)) {
		return nil
	}
	row, err := Look(base)
	if err != nil || row == nil {
		return err
	}
	f, err := row.Lock()
	if err != nil {
		return err
	}
	return f.Close() // it ends the lock
}

// taken locks the files, or closes them.
func (f *File) taken() (*File, error) {
	err := f.lock()
	if err == nil {
		var n int
		if n, err = renaming(f.base); err == nil && n > 0 {
			err = finish(f.base, n)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func openWritable(base string, m Mode) (*File, error) {
	flags := os.O_RDWR
	if m.Create {
		flags |= syscall.O_NOFOLLOW
	}
	row, err := Look(base)
	if err != nil {
		return nil, err
	}
	step := m.Most
	if m.Most == 0 {
		step = math.MaxInt64
	}
	if row != nil {
		if err := row.Fits(m.Most); err != nil {
			return nil, err
		}
		return row.open(flags, step)
	}
	f := newFile(base, m.Most > 0, step)
	if !m.Create {
		return nil, fmt.Errorf("%s: %w", base, fs.ErrNotExist)
	}
	if target, staged := strings.CutSuffix(base, stagedSuffix); staged && exists(renamingPath(target)) {
		return nil, fault.WithHint(fmt.Errorf("%s: %w", target, ErrLocked), "run it again")
	}
	one, err := os.OpenFile(f.path(0), flags|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	f.files, f.named = append(f.files, one), true
	return f, nil
}

// lock locks the row by its first file.
func (f *File) lock() error {
	err := syscall.Flock(int(f.files[0].Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fault.WithHint(fmt.Errorf("%s: %w", f.base, ErrLocked), "wait until that run has ended, and run it again")
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.base, err)
	}
	locked, err := f.files[0].Stat()
	if err != nil {
		return err
	}
	if named, err := os.Stat(f.files[0].Name()); err != nil || !os.SameFile(named, locked) {
		return fmt.Errorf("%s: another run has just written it", f.base)
	}
	return nil
}

// Unlock lets other processes write.
func (f *File) Unlock() error { return syscall.Flock(int(f.files[0].Fd()), syscall.LOCK_UN) }
