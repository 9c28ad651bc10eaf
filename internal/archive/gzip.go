package archive

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// errTrailing is the error of data after a compressed stream that is neither
// padding nor another stream.
var errTrailing = errors.New("data after its end")

// A gzipReader decompresses gzip of one or several members. Like other tools it
// takes zeros after the last member as padding: tapes and copies in whole blocks
// leave them.
type gzipReader struct {
	packed *bufio.Reader
	member *gzip.Reader
	err    error // sticky
}

func newGzip(r *bufio.Reader) (io.Reader, error) {
	member, err := gzip.NewReader(r)
	if err != nil {
		return nil, explainGzip(err)
	}
	member.Multistream(false)
	return &gzipReader{packed: r, member: member}, nil
}

func (g *gzipReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for g.err == nil {
		n, err := g.member.Read(p)
		if err == io.EOF {
			err = g.next()
		} else {
			err = explainGzip(err)
		}
		if g.err = err; n > 0 {
			return n, err
		}
	}
	return 0, g.err
}

// next starts the next member, or returns io.EOF if there is none.
func (g *gzipReader) next() error {
	const magic = "\x1f\x8b\x08"
	head, err := g.packed.Peek(len(magic))
	switch {
	case err != nil && err != io.EOF:
		return err
	case len(head) == 0:
		return io.EOF
	case head[0] == 0:
		return g.padding()
	case !strings.HasPrefix(magic, string(head)): // head is shorter when the member is truncated
		return errTrailing
	}
	err = explainGzip(g.member.Reset(g.packed))
	if err == nil {
		g.member.Multistream(false)
	}
	return err
}

// padding reads zeros up to the end and returns io.EOF there.
func (g *gzipReader) padding() error {
	for {
		if _, err := g.packed.Peek(1); err != nil {
			return err
		}
		b, _ := g.packed.Peek(g.packed.Buffered())
		if len(bytes.Trim(b, "\x00")) > 0 {
			return errTrailing
		}
		_, _ = g.packed.Discard(len(b)) // cannot fail: b is buffered
	}
}

// explainGzip removes the name of the format from an error, since the caller
// adds it. It turns the io.EOF of a truncated header into io.ErrUnexpectedEOF,
// so that it does not look like the end of the stream.
func explainGzip(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if text, ok := strings.CutPrefix(err.Error(), "gzip: "); ok {
		return errors.New(text)
	}
	return err
}
