package archive

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/ulikunitz/xz"
)

// newXZ decompresses xz. Its decoder makes room for whatever dictionary a
// block asks for, up to 4 GiB, so block headers are looked at on their way in.
func newXZ(r io.Reader, l Limits) (io.Reader, error) {
	return xz.NewReader(&xzGuard{r: r, window: l.Window})
}

// An xzGuard watches how the decoder reads: a block header is one byte with
// its length and then, in one piece, the rest. Compressed data that happens to
// be read likewise is told from a header by the header's checksum.
type xzGuard struct {
	r      io.Reader
	window int64
	first  byte // the last read gave this one byte; 0 for anything else
}

func (g *xzGuard) Read(p []byte) (int, error) {
	first := g.first
	g.first = 0
	if first != 0 && len(p) == blockHeaderLen(first)-1 {
		n, err := io.ReadFull(g.r, p)
		if err == nil {
			err = g.check(append([]byte{first}, p...))
		}
		if err != nil {
			return 0, err // with all bytes given, the decoder would overlook the error
		}
		return n, nil
	}
	n, err := g.r.Read(p)
	if n == 1 && len(p) == 1 {
		g.first = p[0]
	}
	return n, err
}

func blockHeaderLen(first byte) int { return (int(first) + 1) * 4 }

func (g *xzGuard) check(block []byte) error {
	end := len(block) - 4
	if crc32.ChecksumIEEE(block[:end]) != binary.LittleEndian.Uint32(block[end:]) {
		return nil // no header, or a damaged one that the decoder refuses
	}
	if size := dictionary(block[:end]); size > g.window {
		return limitf("Window", "xz asks for a dictionary of %d bytes, more than %d", size, g.window)
	}
	return nil
}

// dictionary gives the size of the dictionary that a block header asks for,
// 0 when it makes no sense: then the decoder refuses it.
func dictionary(block []byte) int64 {
	const (
		filterLZMA2 = 0x21
		hasPacked   = 0x40
		hasUnpacked = 0x80
		fieldsAt    = 2
	)
	rest := block[fieldsAt:]
	for _, flag := range []byte{hasPacked, hasUnpacked} {
		if block[1]&flag != 0 {
			_, n := binary.Uvarint(rest)
			rest = rest[max(n, 0):]
		}
	}
	if len(rest) < 3 || rest[0] != filterLZMA2 || rest[2] > 40 {
		return 0
	}
	bits := int64(rest[2])
	return (2 | bits&1) << (bits/2 + 11)
}
