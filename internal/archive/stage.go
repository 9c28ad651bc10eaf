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

// StageName returns the name of an archive's staging directory, which has the
// files until they get their names. A killed process leaves the directory
// behind. The next Extract of the archive uses the complete files in it, and
// removes it.
func StageName(source string) string {
	sum := sha256.Sum256([]byte(source))
	base := filepath.Base(source)
	if len(base) > 200 {
		base = base[:200]
	}
	return durable.PartPrefix + base + "-" + hex.EncodeToString(sum[:4])
}

// A stage is an open staging directory. It is inside the destination directory,
// so that a rename puts a file in place. It is locked while its process lives.
type stage struct {
	root    *os.Root
	name    string
	dir     *os.Root
	lock    *os.File
	journal journal
}

// newStage makes a stage, or opens one that a killed process has left.
func newStage(root *os.Root, name string) (*stage, error) {
	for {
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		st, err := openStage(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			// Another process removed it in between, or it is a dangling link.
			if fi, statErr := root.Lstat(name); statErr == nil && !fi.IsDir() {
				return nil, placeError(root, name, fi, "bayplan's own directory")
			}
			continue
		}
		return st, err
	}
}

// openStage opens and locks a stage. Its content will be removed, so openStage
// checks with the lock held that the name is not a link and still belongs to the
// opened directory.
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
	if err := st.lockAndCheck(); err != nil {
		st.closeFiles()
		return nil, err
	}
	return st, nil
}

func (st *stage) lockAndCheck() error {
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

// clear removes everything from the stage except the files to keep.
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

// remove removes the stage and everything in it.
func (st *stage) remove() error {
	defer st.closeFiles()
	if err := st.clear(nil); err != nil {
		return err
	}
	return st.root.Remove(st.name)
}

func (st *stage) closeFiles() {
	if st.journal.f != nil {
		st.journal.f.Close()
	}
	st.dir.Close()
	st.lock.Close()
}

// Clear removes the stage that a killed process has left for a source. It is for
// callers that have nothing to unpack. A missing stage is not an error.
func Clear(root *os.Root, source string) error {
	st, err := openStage(root, StageName(source))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return st.remove()
}
