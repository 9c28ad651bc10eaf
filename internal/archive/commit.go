package archive

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/bayplan/bayplan/internal/durable"
)

// leaveSame takes out what is in its place already with the same content. It
// reads files, so it comes before the first rename: from then on it is quick.
func (w *writer) leaveSame(ctx context.Context, entries []Entry) error {
	for _, e := range entries {
		if w.staged[e.Name] == "" {
			continue
		}
		there, err := holds(ctx, w.stage.root, e)
		if err != nil {
			return err
		}
		if there {
			delete(w.staged, e.Name)
		}
	}
	return nil
}

// decide has the journal tell all that is to come, so that whoever comes after
// a kill can end what the first rename begins.
func (w *writer) decide(entries []Entry) error {
	all := make([]piece, len(entries))
	for i, e := range entries {
		all[i] = piece{e, w.staged[e.Name]}
	}
	if err := w.stage.journal.add(line{All: all}); err != nil {
		return err
	}
	if err := w.stage.journal.f.Sync(); err != nil {
		return err
	}
	return durable.SyncOpenDir(w.stage.lock)
}

// commit gives the staged files their names, in order, and makes them last.
// It does not stop half-way for anything but an error.
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
		placed, err := w.place(e)
		if err != nil {
			return err
		}
		if w.x.Done != nil {
			w.x.Done(e, placed)
		}
	}
	return syncDirs(w.stage.root, dirs)
}

// place gives a staged file its name.
func (w *writer) place(e Entry) (placed bool, err error) {
	name, ok := w.staged[e.Name]
	if !ok {
		return false, nil
	}
	return true, w.stage.root.Rename(path.Join(w.stage.name, name), e.Name)
}

// makeDirs makes a directory with its parents, and notes in touched which
// directories have new names in them.
func makeDirs(root *os.Root, dir string, touched map[string]bool) error {
	if touched[dir] {
		return nil
	}
	parent := path.Dir(dir)
	if err := makeDirs(root, parent, touched); err != nil {
		return err
	}
	touched[dir] = true
	switch err := root.Mkdir(dir, dirMode); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return durable.SetMode(d, dirMode)
}

// dirMode is the mode of all directories that are made.
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
