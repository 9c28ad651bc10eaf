package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// An Extraction says how an archive is unpacked. The zero value is good.
type Extraction struct {
	Options
	// Source names the archive. Two that are unpacked into one directory at
	// the same time must not share it.
	Source string
	// Want is what List gave. When the archive holds anything else by now,
	// nothing of it is unpacked. With it, free space is checked beforehand.
	Want []Entry
	// Have says of a file of Want that it is there already, unchanged.
	Have func(Entry) bool
	// Moved is told how many more bytes were written, Done which entry has
	// got its name. Both may be nil.
	Moved func(n int64)
	Done  func(Entry)
}

// Extract unpacks an archive into root. Files are written beside their place
// and get their names only when the whole archive was read and found good; on
// an error nothing of it is left. Files that are there with the same content
// are left alone, others are replaced.
func Extract(ctx context.Context, r io.Reader, root *os.Root, x Extraction) ([]Entry, error) {
	if err := x.checkSpace(root); err != nil {
		return nil, err
	}
	st, err := newStage(root, StageName(x.Source))
	if err != nil {
		return nil, err
	}
	entries, err := x.run(ctx, r, st)
	if removeErr := st.remove(); err == nil {
		err = removeErr
	}
	if err != nil {
		return nil, x.explain(err)
	}
	return entries, nil
}

func (x *Extraction) run(ctx context.Context, r io.Reader, st *stage) ([]Entry, error) {
	to := &writer{stage: st, x: x, staged: map[string]string{}, have: x.have()}
	to.synced.SetLimit(syncsAtOnce)
	entries, err := walk(ctx, r, x.Options, to)
	to.abort()
	if syncErr := to.synced.Wait(); err == nil {
		err = syncErr
	}
	if err != nil {
		return nil, err
	}
	if x.Want != nil && !same(x.Want, entries) {
		return nil, errors.New("the archive is another one now than it was a moment ago")
	}
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	if err := CheckPlaces(st.root, sorted); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return entries, to.commit(sorted)
}

// explain adds what to do about a full disk. Trying again would not help.
func (x *Extraction) explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		hint := "make room, or unpack somewhere else"
		if need := x.need(); need > 0 {
			hint = fmt.Sprintf("make room: the files take %d bytes", need)
		}
		return fault.WithHint(err, hint)
	}
	return err
}

// have gives the names of the files that are there already.
func (x *Extraction) have() map[string]bool {
	names := map[string]bool{}
	for _, e := range x.Want {
		if x.Have != nil && !e.IsDir() && x.Have(e) {
			names[e.Name] = true
		}
	}
	return names
}

// same says whether two listings are of the same content.
func same(a, b []Entry) bool {
	return slices.EqualFunc(a, b, func(a, b Entry) bool {
		return a.Name == b.Name && a.Mode == b.Mode && a.SHA256 == b.SHA256
	})
}

// A writer is the sink that fills a stage.
type writer struct {
	stage  *stage
	x      *Extraction
	file   *os.File
	staged map[string]string // entry name to name in the stage
	have   map[string]bool   // entries that need no writing
	synced errgroup.Group    // files that are on their way to the disk
}

// syncsAtOnce is how many files may be on their way to the disk. Several at
// once share the disk's waits; many small files are several times as fast.
const syncsAtOnce = 8

func (w *writer) begin(e Entry) (io.Writer, error) {
	if e.IsDir() || w.have[e.Name] {
		return io.Discard, nil
	}
	name := fmt.Sprintf("%06d", len(w.staged))
	f, err := w.stage.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, e.Mode.Perm())
	if err != nil {
		return nil, err
	}
	w.file, w.staged[e.Name] = f, name
	return w, durable.SetMode(f, e.Mode)
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	if w.x.Moved != nil {
		w.x.Moved(int64(n))
	}
	return n, err
}

// end has the file brought to the disk while the next one is unpacked.
func (w *writer) end(Entry) error {
	f := w.file
	if f == nil {
		return nil
	}
	w.file = nil
	w.synced.Go(func() error {
		err := f.Sync()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		return err
	})
	return nil
}

// abort closes the file that was not finished.
func (w *writer) abort() {
	if w.file != nil {
		w.file.Close()
	}
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
		if err := w.place(e); err != nil {
			return err
		}
		if w.x.Done != nil {
			w.x.Done(e)
		}
	}
	return syncDirs(w.stage.root, dirs)
}

func (w *writer) place(e Entry) error {
	name, ok := w.staged[e.Name]
	if !ok {
		return nil
	}
	if there, err := holds(w.stage.root, e); there || err != nil {
		return err
	}
	return w.stage.root.Rename(path.Join(w.stage.name, name), e.Name)
}

// holds says whether an entry is there already, content and all.
func holds(root *os.Root, e Entry) (bool, error) {
	fi, err := root.Lstat(e.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !fi.Mode().IsRegular() || fi.Size() != e.Size {
		return false, err
	}
	f, err := root.Open(e.Name)
	if err != nil {
		return false, nil // not readable: a new one takes its place
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, nil
	}
	return hex.EncodeToString(h.Sum(nil)) == e.SHA256, nil
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
