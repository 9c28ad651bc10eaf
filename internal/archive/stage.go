package archive

import (
	"crypto/rand"
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
	alone   bool // no other user may have changed what is in it
}

// errForeign says that another user has made the stage.
var errForeign = errors.New("the directory belongs to another user")

// newStage makes a stage, or opens one that a killed process has left. A stage of
// another user is left alone, and this process takes another name.
func newStage(root *os.Root, first string) (*stage, error) {
	for name, n := first, 1; ; {
		err := root.Mkdir(name, 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		st, err := openStage(root, name, err == nil)
		if errors.Is(err, errForeign) {
			name = fmt.Sprintf("%s-%d", first, os.Geteuid())
			if n++; n > 2 {
				name = first + "-" + rand.Text()
			}
			continue
		}
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
// opened directory. Some file systems give a new directory to another user, so the
// owner of one that was made just now is not looked at.
func openStage(root *os.Root, name string, made bool) (*stage, error) {
	if fi, err := root.Lstat(name); err == nil && fi.IsDir() && !made && !durable.Own(fi) {
		return nil, errForeign
	}
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
	opened, err := st.lockAndCheck()
	if err == nil && !made && !durable.Own(opened) {
		err = errForeign
	}
	if err != nil {
		st.closeFiles()
		return nil, err
	}
	st.alone = durable.OwnAlone(opened)
	return st, nil
}

func (st *stage) lockAndCheck() (opened fs.FileInfo, err error) {
	err = unix.Flock(int(st.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("another process is unpacking the same archive into %q", st.root.Name())
	}
	named, err := st.root.Lstat(st.name)
	if err != nil {
		return nil, err
	}
	opened, err = st.lock.Stat()
	if err != nil {
		return nil, err
	}
	if !named.IsDir() {
		return nil, placeError(st.root, st.name, named, "bayplan's own directory")
	}
	if !os.SameFile(named, opened) {
		return nil, fs.ErrNotExist
	}
	return opened, nil
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

// remove removes the stage and everything in it. The journal is closed before: some
// file systems, such as NFS, keep a removed file under another name in its directory
// until it is closed.
func (st *stage) remove() error {
	defer st.closeFiles()
	if st.journal.f != nil {
		st.journal.f.Close()
	}
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
	st, err := openStage(root, StageName(source), false)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errForeign) {
		return nil
	}
	if err != nil {
		return err
	}
	return st.remove()
}
