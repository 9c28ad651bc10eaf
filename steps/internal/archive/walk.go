package archive

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"golang.org/x/sync/errgroup"
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
	var entries []Entry
	bufs := [2][]byte{make([]byte, 1<<20), make([]byte, 1<<20)}
	for {
		e, err := s.next()
		if err == io.EOF {
			if err := s.finish(); err != nil {
				return nil, err
			}
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		if e, err = s.pass(e, to, &bufs); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
}

// pass moves one entry into the sink.
func (s *stream) pass(e Entry, to sink, bufs *[2][]byte) (Entry, error) {
	w, err := to.begin(e)
	if err != nil || e.IsDir() {
		return e, err
	}
	sums := []hash.Hash{sha256.New()}
	if s.opts.SHA512 {
		sums = append(sums, sha512.New())
	}
	if err := s.copy(e, append(writers(sums), w), bufs); err != nil {
		return e, err
	}
	e.SHA256 = hex.EncodeToString(sums[0].Sum(nil))
	if s.opts.SHA512 {
		e.SHA512 = hex.EncodeToString(sums[1].Sum(nil))
	}
	return e, to.end(e)
}

// copy moves the content of an entry. While one part of it is hashed and
// written, the next one is read and decompressed. An error of the sink is kept
// apart: a full disk is no fault of the archive.
func (s *stream) copy(e Entry, to []io.Writer, bufs *[2][]byte) error {
	wait := func() error { return nil }
	for left, turn := e.Size, 0; left > 0; turn ^= 1 {
		buf := bufs[turn]
		n, err := io.ReadFull(s.tar, buf[:min(int64(len(buf)), left)])
		if err := wait(); err != nil {
			return err
		}
		if err != nil {
			return fmt.Errorf("entry %q: %w", e.Name, s.wrap(unexpected(err)))
		}
		wait = writeAll(to, buf[:n])
		left -= int64(n)
	}
	return wait()
}

// unexpected is for an end that comes too early.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeAll writes the same bytes to all, side by side. The function it gives
// waits for them.
func writeAll(to []io.Writer, b []byte) (wait func() error) {
	var all errgroup.Group
	for _, w := range to {
		all.Go(safely(func() error {
			_, err := w.Write(b)
			return err
		}))
	}
	return all.Wait
}

func writers(sums []hash.Hash) []io.Writer {
	ws := make([]io.Writer, len(sums))
	for i, h := range sums {
		ws[i] = h
	}
	return ws
}
