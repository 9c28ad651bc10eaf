package archive

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/bayplan/bayplan/internal/durable"
)

// skipUnchanged drops the staged files whose destination already has the same
// content. It reads files and may be slow, so it runs before the first rename.
func (w *writer) skipUnchanged(ctx context.Context, entries []Entry) error {
	for _, e := range entries {
		if w.staged[e.Name] == "" {
			continue
		}
		there, err := hasContent(ctx, w.stage.root, e)
		if err != nil {
			return err
		}
		if there {
			delete(w.staged, e.Name)
		}
	}
	return nil
}

// journalAll writes all entries to the journal before the first rename, so that
// after a kill the next process can finish the renames.
func (w *writer) journalAll(entries []Entry) error {
	all := make([]stagedEntry, len(entries))
	for i, e := range entries {
		all[i] = stagedEntry{e, w.staged[e.Name]}
	}
	if err := w.stage.journal.add(journalLine{All: all}); err != nil {
		return err
	}
	if err := w.stage.journal.f.Sync(); err != nil {
		return err
	}
	return durable.SyncOpenDir(w.stage.lock)
}

// commit renames the staged files to their names, in order, and makes the names
// durable. It ignores cancellation, so that only an error can leave it half-way.
func (w *writer) commit(sorted []Entry) error {
	dirs := map[string]bool{".": true}
	for _, e := range sorted {
		dir := path.Dir(e.Name)
		if e.IsDir() {
			dir = e.Name
		}
		if err := makeDirs(w.stage.root, dir, dirs); err != nil {
			return err
		}
		placed, err := w.rename(e)
		if err != nil {
			return err
		}
		if w.x.Done != nil {
			w.x.Done(e, placed)
		}
	}
	return syncDirs(w.stage.root, dirs)
}

// rename moves a staged file to its destination. placed is false for a file that
// is not staged.
func (w *writer) rename(e Entry) (placed bool, err error) {
	name, ok := w.staged[e.Name]
	if !ok {
		return false, nil
	}
	return true, w.stage.root.Rename(path.Join(w.stage.name, name), e.Name)
}

// makeDirs makes a directory and its parents. It adds them to touched, the
// directories that need a sync.
func makeDirs(root *os.Root, dir string, touched map[string]bool) error {
	if touched[dir] {
		return nil
	}
	parent := path.Dir(dir)
	if err := makeDirs(root, parent, touched); err != nil {
		return err
	}
	touched[dir] = true
	if fi, err := root.Lstat(dir); err == nil && fi.IsDir() {
		return nil
	}
	d, err := root.Open(parent)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := durable.MkdirIn(d, path.Base(dir), dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// dirMode is the mode of all new directories.
const dirMode = 0o755

func syncDirs(root *os.Root, dirs map[string]bool) error {
	for dir := range dirs {
		d, err := root.Open(dir)
		if err != nil {
			return err
		}
		err = durable.SyncOpenDir(d)
		d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
