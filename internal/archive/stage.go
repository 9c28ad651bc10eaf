package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/durable"
)

// StageName gives the name of the directory in which an archive's files stand
// until they get their places. One that is found later was left by a process
// that was killed; the next Extract of the archive goes on with what is
// complete in it, and removes it.
func StageName(source string) string {
	sum := sha256.Sum256([]byte(source))
	base := filepath.Base(source)
	if len(base) > 200 {
		base = base[:200]
	}
	return durable.PartPrefix + base + "-" + hex.EncodeToString(sum[:4])
}

// A stage is the directory of unfinished files. It is in the directory
// unpacked into, so that a rename is enough. It is locked as long as its
// process lives.
type stage struct {
	root    *os.Root
	name    string
	dir     *os.Root
	lock    *os.File
	journal journal
}

// newStage makes a stage, or takes over one that was left.
func newStage(root *os.Root, name string) (*stage, error) {
	for {
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		st, err := openStage(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			// Its owner finished in between; or it is a link to nowhere.
			if fi, statErr := root.Lstat(name); statErr == nil && !fi.IsDir() {
				return nil, placeError(root, name, fi, "bayplan's own directory")
			}
			continue
		}
		return st, err
	}
}

// openStage opens and locks a stage. That it is no link, and still the one
// that has the name, is checked with the lock held: it will be emptied.
func openStage(root *os.Root, name string) (*stage, error) {
	dir, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	f, err := dir.Open(".")
	if err != nil {
		dir.Close()
		return nil, err
	}
	st := &stage{root: root, name: name, dir: dir, lock: f}
	if err := st.own(); err != nil {
		st.release()
		return nil, err
	}
	return st, nil
}

func (st *stage) own() error {
	err := unix.Flock(int(st.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("another process is unpacking the same archive into %q", st.root.Name())
	}
	named, err := st.root.Lstat(st.name)
	if err != nil {
		return err
	}
	opened, err := st.lock.Stat()
	if err != nil {
		return err
	}
	if !named.IsDir() {
		return placeError(st.root, st.name, named, "bayplan's own directory")
	}
	if !os.SameFile(named, opened) {
		return fs.ErrNotExist
	}
	return nil
}

// clear empties the stage but for the files to keep.
func (st *stage) clear(keep map[string]bool) error {
	d, err := st.dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if keep[name] {
			continue
		}
		if err := st.dir.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

// remove removes the stage with all in it.
func (st *stage) remove() error {
	defer st.release()
	if err := st.clear(nil); err != nil {
		return err
	}
	return st.root.Remove(st.name)
}

func (st *stage) release() {
	if st.journal.f != nil {
		st.journal.f.Close()
	}
	st.dir.Close()
	st.lock.Close()
}
