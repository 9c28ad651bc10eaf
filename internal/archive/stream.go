package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/bayplan/bayplan/internal/readers"
)

// A stream reads an archive entry by entry and lets none through that breaks
// the policy.
type stream struct {
	tar    *tar.Reader
	packed *bufio.Reader // the archive as it is
	taken  atomic.Int64  // bytes of it that were read; zstd reads ahead in a goroutine of its own
	meter  *meter        // the tar inside
	whole  *whole        // nil when no digest is asked for
	close  func()        // ends the decompressor
	policy *policy
	opts   Options
	kind   string
}

func newStream(ctx context.Context, r io.Reader, o Options) (*stream, error) {
	o.Limits = o.Limits.orDefault()
	s := &stream{opts: o, policy: newPolicy(o.Limits)}
	if o.SHA256 != "" {
		s.whole = newWhole(r)
		r = s.whole
	}
	r = readers.WithContext(ctx, readers.Counting(r, func(n int64) { s.taken.Add(n) }))
	s.packed = bufio.NewReaderSize(r, 1<<20)
	inner, kind, end, err := decompress(s.packed, o.Limits)
	if err != nil {
		return nil, err
	}
	s.kind, s.close = kind, end
	s.meter = &meter{stream: s, r: readers.WithContext(ctx, inner)}
	s.tar = tar.NewReader(s.meter)
	if kind == "tar" {
		return s, nil
	}
	if err := s.checkInside(); err != nil {
		end()
		return nil, err
	}
	return s, nil
}

// checkInside tells what was compressed when it is no tar. A person who
// compressed a disk image by itself is told so.
func (s *stream) checkInside() error {
	inside := bufio.NewReaderSize(s.meter.r, 64<<10)
	s.meter.r = inside
	head, err := inside.Peek(sniffed)
	if err != nil && err != io.EOF {
		return s.wrap(err)
	}
	switch kind, like := kindOf(head); kind {
	case "tar":
		return nil
	case "":
		return unknownError(like + " in " + s.kind)
	default:
		return unknownError(kind + " in " + s.kind)
	}
}

// next gives the next entry, or io.EOF at the archive's end mark.
func (s *stream) next() (Entry, error) {
	for {
		h, err := s.tar.Next()
		if err == io.EOF {
			return Entry{}, io.EOF
		}
		if err != nil {
			return Entry{}, s.wrap(err)
		}
		e, ok, err := s.policy.check(h)
		if err != nil {
			return Entry{}, err
		}
		if ok {
			return e, nil
		}
	}
}

// finish reads what stands behind the end mark. A tar reader stops at the
// mark, and so sees neither a wrong checksum of the compressed stream nor a
// second archive.
func (s *stream) finish() error {
	marked := !s.meter.ended
	if err := s.drain(); err != nil {
		return err
	}
	if _, err := s.packed.ReadByte(); err != io.EOF {
		if err == nil {
			err = errors.New("data behind the end of the compressed stream")
		}
		return err
	}
	if s.whole != nil {
		if err := s.whole.check(s.opts.SHA256); err != nil {
			return err
		}
	} else if !marked {
		return errors.New("the end mark is missing: the archive may be cut (give its sha256 if it is meant to be so)")
	}
	if s.policy.entries == 0 {
		return errors.New("it holds nothing")
	}
	return nil
}

func (s *stream) drain() error {
	buf := make([]byte, 64<<10)
	for {
		n, err := s.meter.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return errors.New("data behind the end mark of the archive: another archive, or garbage")
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, errBehind):
			return errors.New("there is something behind the end of the archive")
		case err != nil:
			return s.wrap(err)
		}
	}
}

// wrap says in which layer reading broke off.
func (s *stream) wrap(err error) error { return broken(s.kind, err) }

func broken(kind string, err error) error {
	switch {
	case errors.Is(err, ErrLimit), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the archive is cut: %s: %w", kind, err)
	}
	return fmt.Errorf("the archive is damaged: %s: %w", kind, err)
}

// A meter watches the unpacked stream for bombs.
type meter struct {
	stream *stream
	r      io.Reader
	n      int64
	ended  bool // a read met the end
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	if n > 0 && err == io.EOF {
		err = nil // tell it next time: ended must mean that a read found nothing
	}
	m.ended = m.ended || err == io.EOF
	if limit := m.check(); limit != nil {
		return 0, limit
	}
	return n, err
}

func (m *meter) check() error {
	l, packed := m.stream.opts.Limits, m.stream.taken.Load()
	if most := l.stream(m.stream.policy.entries); m.n > most {
		return limitf("Bytes", "it unpacks to more than %d bytes", most)
	}
	if m.stream.kind == "tar" || m.n < l.RatioFrom || m.n/l.Ratio <= packed {
		return nil
	}
	return limitf("Ratio", "it unpacks to more than %d times its size", l.Ratio)
}
