package archive

import (
	"errors"
	"io"
	"math"
	"strings"

	"github.com/mikelolasagasti/xz"
)

// An xzReader decompresses xz. Its decoder makes room for whatever dictionary
// a block asks for, up to the window.
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
		return limitf("Window", "xz asks for a dictionary of more than %d bytes", x.window)
	}
	if err == nil || err == io.EOF {
		return err
	}
	if text, ok := strings.CutPrefix(err.Error(), "xz: "); ok {
		return errors.New(text) // who reads it is told of xz anyway
	}
	return err
}
