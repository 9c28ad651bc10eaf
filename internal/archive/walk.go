package archive

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
)

// recoverPanic turns a panic in f into an error. Without it, a panic in another
// goroutine would end the process.
func recoverPanic(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return f()
	}
}

// A sink gets the entries of an archive, in order.
type sink interface {
	// begin returns the writer for the content of e. A directory has no content.
	begin(e Entry) (io.Writer, error)
	// end follows the content of a file; e has its digests now.
	end(e Entry) error
}

// discard is the sink that keeps nothing.
type discard struct{}

func (discard) begin(Entry) (io.Writer, error) { return io.Discard, nil }
func (discard) end(Entry) error                { return nil }

// walk reads a whole archive once, hashes every file and sends it to the sink. A
// nil error means that the archive was read to its end, and that it has the
// wanted digest, if there is one.
func walk(ctx context.Context, r io.Reader, o Options, to sink) ([]Entry, error) {
	s, err := newStream(ctx, r, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	workers := []worker{&hasher{sha256.New(), 0}}
	if o.SHA512 {
		workers = append(workers, &hasher{sha512.New(), 1})
	}
	fill := &sinkWorker{to: to}
	f := newPipeline(append(workers, fill)...)
	fill.failed = f.failed
	err = s.sendAll(f, len(workers))
	// An error of a worker, such as a full disk, is the cause of what follows.
	if failed := f.close(); failed != nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	return fill.entries, nil
}

// sendAll sends all entries into the pipeline. When a worker has failed, it ends
// early without an error.
func (s *stream) sendAll(f *pipeline, sums int) error {
	for {
		e, err := s.next()
		if err == io.EOF {
			return s.finish()
		}
		if err != nil {
			return err
		}
		p := &pendingEntry{Entry: e}
		for range sums {
			p.sums = append(p.sums, make(chan string, 1))
		}
		if !f.send(event{kind: entryBegin, entry: p}) {
			return nil
		}
		if err := s.sendContent(f, p); err != nil {
			return err
		}
		if !f.send(event{kind: entryEnd, entry: p}) {
			return nil
		}
	}
}

// sendContent sends the content of an entry into the pipeline.
func (s *stream) sendContent(f *pipeline, p *pendingEntry) error {
	for left := p.Size; left > 0; {
		c := f.chunk(left)
		n, err := io.ReadFull(s.tar, c.b)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // the content is incomplete
		}
		if err != nil {
			return fmt.Errorf("entry %q: %w", p.Name, s.wrap(err))
		}
		if !f.send(event{kind: entryData, entry: p, chunk: c}) {
			return nil
		}
		left -= int64(n)
	}
	return nil
}

// A sinkWorker is the worker that writes to the sink.
type sinkWorker struct {
	to      sink
	w       io.Writer
	entries []Entry
	failed  <-chan struct{}
}

func (w *sinkWorker) do(s event) (err error) {
	e := s.entry.Entry
	switch s.kind {
	case entryBegin:
		w.w, err = w.to.begin(e)
	case entryData:
		_, err = w.w.Write(s.chunk.b)
	case entryEnd:
		if e.IsDir() {
			w.entries = append(w.entries, e)
			return nil
		}
		for i, sum := range s.entry.sums {
			select {
			case text := <-sum:
				e.setSum(i, text)
			case <-w.failed:
				return nil // another worker has reported the error
			}
		}
		w.entries = append(w.entries, e)
		err = w.to.end(e)
	}
	return err
}

func (e *Entry) setSum(i int, text string) {
	if i == 0 {
		e.SHA256 = text
	} else {
		e.SHA512 = text
	}
}
