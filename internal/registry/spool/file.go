package spool

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// A DiskError says that a file of the spool cannot be made, written or read.
type DiskError struct{ err error }

// Error begins with what cannot be used.
func (e *DiskError) Error() string { return "the spool cannot be used: " + e.err.Error() }

// Unwrap gives the cause.
func (e *DiskError) Unwrap() error { return e.err }

// A file is a blob that grows from its source. If nobody needs it any more it is gone,
// so it is not written to last.
type file struct {
	path     string
	source   Source
	size     int64
	complete bool // guarded by the mutex of the pool, as is lost
	lost     bool // it cannot be read
	cancel   context.CancelFunc
	done     chan struct{} // closed at the end

	mu    sync.Mutex // readers look while it is written
	n     int64
	grown chan struct{} // closed when n has grown; nil: nobody waits for that
	err   error
}

// fill fetches the blob. If that fails, there is no file.
func (f *file) fill(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return &DiskError{err}
	}
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &DiskError{err}
	}
	err = f.copy(ctx, out)
	if cerr := out.Close(); cerr != nil && err == nil {
		err = &DiskError{cerr}
	}
	if err != nil {
		_ = os.Remove(f.path)
	}
	return err
}

func (f *file) copy(ctx context.Context, out io.Writer) error {
	in, err := f.source.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	buf := make([]byte, min(f.size, 256<<10))
	for left := f.size; left > 0; {
		n, err := in.Read(buf[:min(int64(len(buf)), left)])
		if n > 0 {
			if _, err := out.Write(buf[:n]); err != nil {
				return &DiskError{err}
			}
			left -= int64(n)
			f.grow(int64(n))
		}
		if err == io.EOF && left > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && left > 0 {
			return err
		}
	}
	return nil
}

func (f *file) grow(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n += n
	if f.grown != nil {
		close(f.grown)
		f.grown = nil
	}
}

// end tells the readers that nothing more comes. It is the last act of the goroutine
// that fetches.
func (f *file) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	close(f.done)
}

// wait waits until the file has more than n bytes, and says how many. The error is that
// of the source, of the disk, or of ctx.
func (f *file) wait(ctx context.Context, n int64) (int64, error) {
	for {
		f.mu.Lock()
		there, err := f.n, f.err
		if f.grown == nil {
			f.grown = make(chan struct{})
		}
		grown := f.grown
		f.mu.Unlock()
		if err != nil || there > n || there == f.size {
			return there, err
		}
		select {
		case <-grown:
		case <-f.done:
		case <-ctx.Done():
			return there, ctx.Err()
		}
	}
}

// whyGone says why a file cannot be opened: its fetch has failed, or the disk.
func (f *file) whyGone(ctx context.Context, err error) error {
	select {
	case <-f.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if failed := f.failed(); failed != nil {
		return failed
	}
	return &DiskError{err}
}

// failed gives the error of the fetch, nil for none yet.
func (f *file) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// discard ends the fetches of files, waits for them, and removes the files.
func discard(files []*file) {
	for _, f := range files {
		f.cancel()
	}
	for _, f := range files {
		<-f.done
		_ = os.Remove(f.path)
	}
}

// errClosed says that a Reader is used after Close.
var errClosed = errors.New("read after close")

// errDamaged says that a file does not hold what was written to it.
var errDamaged = errors.New("a file in it has another digest than was written")
