package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/durable"
)

// A writer is the sink that fills a stage.
type writer struct {
	stage  *stage
	x      *Extraction
	file   *os.File
	name   string            // of file, in the stage
	wrote  int64             // bytes in file
	asked  int64             // of them those that the disk was asked to begin with
	count  int               // names given so far
	staged map[string]string // entry name to name in the stage
	left   map[string]piece  // files that are finished, staged by a killed process or in place
	synced errgroup.Group    // files that are on their way to the disk
}

// syncsAtOnce is how many files may be on their way to the disk. Several at
// once share the disk's waits; many small files are several times as fast.
const syncsAtOnce = 8

// fill reads the archive and puts all its files into the stage. When it gives
// no error they are on the disk.
func (w *writer) fill(ctx context.Context, r io.Reader) ([]Entry, error) {
	w.synced.SetLimit(syncsAtOnce)
	entries, err := walk(ctx, r, w.x.Options, w)
	w.abort()
	if syncErr := w.synced.Wait(); err == nil {
		err = syncErr
	}
	if err == nil && w.x.Want != nil && !same(w.x.Want, entries) {
		err = errAnother
	}
	return entries, err
}

var errAnother = errors.New("the archive is another one now than it was a moment ago")

// inherit makes the files that a killed process has staged this one's own.
func (w *writer) inherit() {
	for name, p := range w.left {
		if _, anew := w.staged[name]; p.Staged != "" && !anew {
			w.staged[name] = p.Staged
		}
	}
}

func (w *writer) begin(e Entry) (io.Writer, error) {
	if e.IsDir() || w.inherits(e) {
		return io.Discard, nil
	}
	if err := checkRoom(w.stage.lock, e); err != nil {
		return nil, err
	}
	f, err := w.create(e)
	if err != nil {
		return nil, err
	}
	w.file, w.wrote, w.asked = f, 0, 0
	w.staged[e.Name] = w.name
	return w, durable.SetMode(f, e.Mode)
}

func (w *writer) inherits(e Entry) bool {
	p, ok := w.left[e.Name]
	return ok && p.Size == e.Size && (p.Mode == e.Mode || p.Staged == "")
}

// create makes a file of a name that no file left in the stage has.
func (w *writer) create(e Entry) (*os.File, error) {
	for {
		w.name = fmt.Sprintf("%06d", w.count)
		w.count++
		f, err := w.stage.dir.OpenFile(w.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, e.Mode.Perm())
		if !errors.Is(err, os.ErrExist) {
			return f, err
		}
	}
}

// earlyBytes is how much is written before the disk is asked to begin.
const earlyBytes = 8 << 20

func (w *writer) Write(p []byte) (int, error) {
	write := (*os.File).Write
	if w.x.write != nil {
		write = w.x.write
	}
	n, err := write(w.file, p)
	if w.wrote += int64(n); w.wrote-w.asked >= earlyBytes {
		early(w.file, w.asked, w.wrote-w.asked)
		w.asked = w.wrote
	}
	if w.x.Moved != nil {
		w.x.Moved(int64(n))
	}
	return n, err
}

// end has the file brought to the disk while the next one is unpacked, and
// tells the journal then. A file that was inherited must be the archive's.
func (w *writer) end(e Entry) error {
	if w.inherits(e) && w.left[e.Name].SHA256 != e.SHA256 {
		return errAnother
	}
	f, done := w.file, piece{e, w.name}
	if f == nil {
		return nil
	}
	w.file = nil
	w.synced.Go(safely(func() error {
		err := f.Sync()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
		return w.stage.journal.add(line{File: &done})
	}))
	return nil
}

// abort closes the file that was not finished.
func (w *writer) abort() {
	if w.file != nil {
		w.file.Close()
	}
}
