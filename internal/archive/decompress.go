package archive

import (
	"bufio"
	"compress/bzip2"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
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
		var d *zstd.Decoder
		if d, err = newZstd(r, l); err == nil {
			out, close = d, d.Close
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

func newZstd(r io.Reader, l Limits) (*zstd.Decoder, error) {
	return zstd.NewReader(r,
		zstd.WithDecoderMaxWindow(uint64(l.Window)),
		zstd.WithDecoderMaxMemory(uint64(l.maxStream(l.Entries))),
		// With 1 it decodes in the goroutine of the reader. A panic over a
		// broken stream in any other goroutine could not be recovered.
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true))
}
