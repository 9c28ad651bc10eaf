package archive

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
)

// safely makes a panic in f an error. In a goroutine nobody else could catch
// it, and the process would end.
func safely(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return f()
	}
}

// A sink takes the entries of an archive as they come.
type sink interface {
	// begin gives where the content of e goes; a directory has none.
	begin(e Entry) (io.Writer, error)
	// end is called when the content of e, with its digests, is through.
	end(e Entry) error
}

// discard is the sink of those who only look.
type discard struct{}

func (discard) begin(Entry) (io.Writer, error) { return io.Discard, nil }
func (discard) end(Entry) error                { return nil }

// walk reads a whole archive once, and hashes every file on its way to the
// sink. When it gives no error, the archive was read to its very end and its
// digest, where one is asked for, is right.
func walk(ctx context.Context, r io.Reader, o Options, to sink) ([]Entry, error) {
	s, err := newStream(ctx, r, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	workers := []worker{&summer{sha256.New(), 0}}
	if o.SHA512 {
		workers = append(workers, &summer{sha512.New(), 1})
	}
	fill := &filler{to: to}
	f := newFlow(append(workers, fill)...)
	fill.failed = f.failed
	err = s.pour(f, len(workers))
	// An error of the sink is the cause where there is one: a full disk is no
	// fault of the archive.
	if failed := f.close(); failed != nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	return fill.entries, nil
}

// pour sends all entries into the flow. It ends early, without an error, when
// a worker failed.
func (s *stream) pour(f *flow, sums int) error {
	for {
		e, err := s.next()
		if err == io.EOF {
			return s.finish()
		}
		if err != nil {
			return err
		}
		p := &passing{Entry: e}
		for range sums {
			p.sums = append(p.sums, make(chan string, 1))
		}
		if !f.send(step{kind: begin, entry: p}) {
			return nil
		}
		if err := s.content(f, p); err != nil {
			return err
		}
		if !f.send(step{kind: end, entry: p}) {
			return nil
		}
	}
}

// content sends the content of an entry.
func (s *stream) content(f *flow, p *passing) error {
	for left := p.Size; left > 0; {
		c := f.room(left)
		n, err := io.ReadFull(s.tar, c.b)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // an end that comes too early
		}
		if err != nil {
			return fmt.Errorf("entry %q: %w", p.Name, s.wrap(err))
		}
		if !f.send(step{kind: take, entry: p, chunk: c}) {
			return nil
		}
		left -= int64(n)
	}
	return nil
}

// A filler is the worker that fills the sink.
type filler struct {
	to      sink
	w       io.Writer
	entries []Entry
	failed  <-chan struct{}
}

func (w *filler) do(s step) (err error) {
	e := s.entry.Entry
	switch s.kind {
	case begin:
		w.w, err = w.to.begin(e)
	case take:
		_, err = w.w.Write(s.chunk.b)
	case end:
		if e.IsDir() {
			w.entries = append(w.entries, e)
			return nil
		}
		for i, sum := range s.entry.sums {
			select {
			case text := <-sum:
				e.setSum(i, text)
			case <-w.failed:
				return nil // another worker has said why
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
