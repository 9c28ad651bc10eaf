package archive

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// errBehind tells that what stands behind a compressed stream is neither
// padding nor another stream.
var errBehind = errors.New("something stands behind its end")

// A gzipReader decompresses gzip of one or several members. Zeros behind the
// last one are padding, as for other tools: tapes and copies in whole blocks
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

// next goes on to the next member, and gives io.EOF where there is none.
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
	case !strings.HasPrefix(magic, string(head)): // it is shorter where the member is cut
		return errBehind
	}
	err = explainGzip(g.member.Reset(g.packed))
	if err == nil {
		g.member.Multistream(false)
	}
	return err
}

// padding reads zeros up to the end, and gives io.EOF there.
func (g *gzipReader) padding() error {
	for {
		if _, err := g.packed.Peek(1); err != nil {
			return err
		}
		b, _ := g.packed.Peek(g.packed.Buffered())
		if len(bytes.Trim(b, "\x00")) > 0 {
			return errBehind
		}
		_, _ = g.packed.Discard(len(b)) // it is buffered
	}
}

// explainGzip leaves out the name of the format, which who reads the error is
// told anyway. The end of a header that is cut is not the end of the stream.
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
