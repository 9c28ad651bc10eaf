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

// A writer is the sink that writes files into a stage.
type writer struct {
	stage    *stage
	x        *Extraction
	file     *os.File
	name     string                 // of file, in the stage
	written  int64                  // bytes in file
	flushed  int64                  // bytes of it for which writeback has started
	nextName int                    // number in the next file name
	staged   map[string]string      // entry name to name in the stage
	left     map[string]stagedEntry // finished files, staged by a killed process or already in place
	syncs    errgroup.Group         // files that are being synced
}

// maxSyncs is how many files are synced at once. Concurrent syncs share the
// disk's waits: many small files are several times as fast.
const maxSyncs = 8

// fill reads the archive and writes all its files into the stage. After a nil
// error they are on the disk.
func (w *writer) fill(ctx context.Context, r io.Reader) ([]Entry, error) {
	w.syncs.SetLimit(maxSyncs)
	entries, err := walk(ctx, r, w.x.Options, w)
	w.abort()
	if syncErr := w.syncs.Wait(); err == nil {
		err = syncErr
	}
	if err == nil && w.x.Want != nil && !sameContent(w.x.Want, entries) {
		err = errChanged
	}
	return entries, err
}

var errChanged = errors.New("the archive has changed since it was last read")

// adoptLeftovers adds the files that a killed process has staged to this
// process's own.
func (w *writer) adoptLeftovers() {
	for name, p := range w.left {
		if _, anew := w.staged[name]; p.Staged != "" && !anew {
			w.staged[name] = p.Staged
		}
	}
}

func (w *writer) begin(e Entry) (io.Writer, error) {
	if e.IsDir() || w.isLeftover(e) {
		return io.Discard, nil
	}
	if err := checkRoom(w.stage.lock, e); err != nil {
		return nil, err
	}
	f, err := w.create(e)
	if err != nil {
		return nil, err
	}
	w.file, w.written, w.flushed = f, 0, 0
	w.staged[e.Name] = w.name
	return w, durable.SetMode(f, e.Mode)
}

func (w *writer) isLeftover(e Entry) bool {
	p, ok := w.left[e.Name]
	return ok && p.Size == e.Size && (p.Mode == e.Mode || p.Staged == "")
}

// create makes a file in the stage with a name that is not used yet.
func (w *writer) create(e Entry) (*os.File, error) {
	for {
		w.name = fmt.Sprintf("%06d", w.nextName)
		w.nextName++
		f, err := w.stage.dir.OpenFile(w.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, e.Mode.Perm())
		if !errors.Is(err, os.ErrExist) {
			return f, err
		}
	}
}

// writebackBytes is how many bytes are written before each startWriteback.
const writebackBytes = 8 << 20

func (w *writer) Write(p []byte) (int, error) {
	write := (*os.File).Write
	if w.x.write != nil {
		write = w.x.write
	}
	n, err := write(w.file, p)
	if w.written += int64(n); w.written-w.flushed >= writebackBytes {
		startWriteback(w.file, w.flushed, w.written-w.flushed)
		w.flushed = w.written
	}
	if w.x.Moved != nil {
		w.x.Moved(int64(n))
	}
	return n, err
}

// end starts the sync of the file, which runs while the next one is unpacked,
// and then adds the file to the journal. For a leftover file it checks that the
// archive still has the same content.
func (w *writer) end(e Entry) error {
	if w.isLeftover(e) && w.left[e.Name].SHA256 != e.SHA256 {
		return errChanged
	}
	f, done := w.file, stagedEntry{e, w.name}
	if f == nil {
		return nil
	}
	w.file = nil
	w.syncs.Go(recoverPanic(func() error {
		err := f.Sync()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
		return w.stage.journal.add(journalLine{File: &done})
	}))
	return nil
}

// abort closes an unfinished file.
func (w *writer) abort() {
	if w.file != nil {
		w.file.Close()
	}
}
