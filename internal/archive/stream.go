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

// A stream reads an archive entry by entry. An entry that the policy refuses is
// an error.
type stream struct {
	tar    *tar.Reader
	packed *bufio.Reader  // the archive, still compressed
	taken  atomic.Int64   // bytes read of it; atomic because zstd reads ahead in its own goroutine
	meter  *meter         // the unpacked tar
	sum    *hashingReader // nil unless a digest is wanted
	close  func()         // stops the decompressor
	policy *policy
	opts   Options
	kind   string
}

func newStream(ctx context.Context, r io.Reader, o Options) (*stream, error) {
	o.Limits = o.Limits.orDefault()
	s := &stream{opts: o, policy: newPolicy(o.Limits)}
	if o.SHA256 != "" {
		s.sum = newHashingReader(r)
		r = s.sum
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

// checkInside checks that the compressed stream is a tar archive. Its error says
// what it is instead, such as a disk image.
func (s *stream) checkInside() error {
	inside := bufio.NewReaderSize(s.meter.r, 64<<10)
	s.meter.r = inside
	head, err := inside.Peek(sniffBytes)
	if err != nil && err != io.EOF {
		return s.wrap(err)
	}
	switch kind, like := kindOf(head); kind {
	case "tar":
		return nil
	case "":
		return notTarError(like + " in " + s.kind)
	default:
		return notTarError(kind + " in " + s.kind)
	}
}

// next returns the next entry, or io.EOF at the end mark of the archive.
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

// finish reads and checks the rest after the end mark. A tar reader stops at the
// mark, and so misses a wrong checksum of the compressed stream or a second
// archive.
func (s *stream) finish() error {
	marked := !s.meter.ended
	if err := s.drain(); err != nil {
		return err
	}
	if _, err := s.packed.ReadByte(); err != io.EOF {
		if err == nil {
			err = errors.New("data after the end of the compressed stream")
		}
		return err
	}
	if s.sum != nil {
		if err := s.sum.check(s.opts.SHA256); err != nil {
			return err
		}
	} else if !marked {
		return errors.New("the end mark is missing: the archive may be truncated (without an end mark it needs a sha256)")
	}
	if s.policy.entries == 0 {
		return errors.New("it is empty")
	}
	return nil
}

func (s *stream) drain() error {
	buf := make([]byte, 64<<10)
	for {
		n, err := s.meter.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return errors.New("data after the end mark of the archive: another archive, or garbage")
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, errTrailing):
			return errors.New("data after the end of the archive")
		case err != nil:
			return s.wrap(err)
		}
	}
}

// wrap adds the kind of the archive to an error of reading it.
func (s *stream) wrap(err error) error { return readError(s.kind, err) }

func readError(kind string, err error) error {
	switch {
	case errors.Is(err, ErrLimit), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errNeeds):
		return fmt.Errorf("%s: %w", kind, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the archive is truncated: %s: %w", kind, err)
	}
	return fmt.Errorf("the archive is damaged: %s: %w", kind, err)
}

// A meter checks the unpacked stream against the limits on size and ratio.
type meter struct {
	stream *stream
	r      io.Reader
	n      int64
	ended  bool // a read has returned io.EOF
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	if n > 0 && err == io.EOF {
		err = nil // the next read returns it: ended must mean that a read found no data
	}
	m.ended = m.ended || err == io.EOF
	if limit := m.check(); limit != nil {
		return 0, limit
	}
	return n, err
}

func (m *meter) check() error {
	l, packed := m.stream.opts.Limits, m.stream.taken.Load()
	if most := l.maxStream(m.stream.policy.entries); m.n > most {
		return limitErrorf("Bytes", "it unpacks to more than %d bytes", most)
	}
	if m.stream.kind == "tar" || m.n < l.RatioFrom || m.n/l.Ratio <= packed {
		return nil
	}
	return limitErrorf("Ratio", "it unpacks to more than %d times its size", l.Ratio)
}
