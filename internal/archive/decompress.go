package archive

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"

	"github.com/bayplan/bayplan/internal/human"
)

// decompress detects how r is compressed and returns a reader of the tar inside.
func decompress(r *bufio.Reader, l Limits) (out io.Reader, kind string, close func(), err error) {
	head, err := r.Peek(sniffBytes)
	if err != nil && err != io.EOF {
		return nil, "", nil, err
	}
	err = nil // kindOf describes a short file
	kind, like := kindOf(head)
	close = func() {}
	switch kind {
	case "tar":
		return r, kind, close, nil
	case "gzip":
		out, err = newGzip(r)
	case "zstd":
		var d *zstdReader
		if d, err = newZstd(r, l); err == nil {
			out, close = d, d.d.Close
		}
	case "xz":
		out, err = newXZ(r, l)
	case "bzip2":
		out = bzip2.NewReader(r)
	default:
		return nil, "", nil, notTarError(like)
	}
	if err != nil {
		return nil, kind, nil, fmt.Errorf("%s: %w", kind, err)
	}
	return out, kind, close, nil
}

// errNeeds is the error of a stream that is whole, and cannot be unpacked without something
// else.
var errNeeds = errors.New("to unpack it takes")

// A zstdReader decompresses zstd. A frame says how much of what was unpacked its decoder
// must keep, which is up to 2 GiB with zstd's option --long.
type zstdReader struct {
	d      *zstd.Decoder
	window int64
}

func newZstd(r io.Reader, l Limits) (*zstdReader, error) {
	d, err := zstd.NewReader(r,
		zstd.WithDecoderMaxWindow(uint64(l.Window)),
		zstd.WithDecoderMaxMemory(uint64(l.maxStream(l.Entries))),
		// With 1 it decodes in the goroutine of the reader. A panic over a
		// broken stream in any other goroutine could not be recovered.
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true))
	return &zstdReader{d, l.Window}, err
}

func (z *zstdReader) Read(p []byte) (int, error) {
	n, err := z.d.Read(p)
	// The decoder has two errors for a window that is too large. It gives the second one
	// for a frame that announces its size.
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = limitErrorf("Window", "zstd asks for a window of more than %s (its option --long)", human.Size(z.window))
	}
	if errors.Is(err, zstd.ErrUnknownDictionary) {
		err = fmt.Errorf("%w a dictionary that is in another file (zstd -D)", errNeeds)
	}
	return n, err
}

// Zstd decompresses zstd, for other archives than tar. A stream that needs a window larger
// than window is an error. The caller must call end.
func Zstd(r io.Reader, window int64) (out io.Reader, end func(), err error) {
	z, err := newZstd(r, Limits{Window: window}.orDefault())
	if err != nil {
		return nil, nil, err
	}
	return z, z.d.Close, nil
}

// An xzReader decompresses xz. The decoder allocates the dictionary that a block
// asks for, up to window bytes.
type xzReader struct {
	r      *xz.Reader
	window int64
}

func newXZ(r io.Reader, l Limits) (io.Reader, error) {
	z, err := xz.NewReader(r, uint32(min(l.Window, math.MaxUint32)))
	x := &xzReader{z, l.Window}
	return x, x.explain(err)
}

func (x *xzReader) Read(p []byte) (int, error) {
	n, err := x.r.Read(p)
	return n, x.explain(err)
}

func (x *xzReader) explain(err error) error {
	if errors.Is(err, xz.ErrMemlimit) {
		return limitErrorf("Window", "xz asks for a dictionary of more than %s", human.Size(x.window))
	}
	if errors.Is(err, xz.ErrOptions) {
		return fmt.Errorf("%w a filter that bayplan does not have; pack it with xz alone, without options such as --arm64", errNeeds)
	}
	if err == nil || err == io.EOF {
		return err
	}
	if text, ok := strings.CutPrefix(err.Error(), "xz: "); ok {
		return errors.New(text) // the caller adds the name of the format
	}
	return err
}

// XZ decompresses xz, for other archives than tar. A stream that needs a
// dictionary larger than window is an error.
func XZ(r io.Reader, window int64) (io.Reader, error) { return newXZ(r, Limits{Window: window}) }
