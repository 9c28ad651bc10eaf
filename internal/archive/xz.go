package archive

import (
	"errors"
	"io"
	"math"
	"strings"

	"github.com/mikelolasagasti/xz"
)

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
		return limitErrorf("Window", "xz asks for a dictionary of more than %d bytes", x.window)
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
