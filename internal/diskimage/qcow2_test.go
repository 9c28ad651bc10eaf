package diskimage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bayplan/bayplan/internal/diskimage"
)

// size is the size of the images below.
const size = 4 << 16

// image makes a valid qcow2 image of version 3 and applies changes.
func image(change func(b []byte)) []byte {
	b := make([]byte, size)
	copy(b, "QFI\xfb")
	be := binary.BigEndian
	be.PutUint32(b[4:], 3)       // version
	be.PutUint32(b[20:], 16)     // cluster bits
	be.PutUint64(b[24:], 10<<30) // virtual size
	be.PutUint32(b[36:], 20)     // L1 entries
	be.PutUint64(b[40:], 3<<16)  // L1 table
	be.PutUint64(b[48:], 1<<16)  // refcount table
	be.PutUint32(b[56:], 1)      // its clusters
	be.PutUint32(b[96:], 4)      // refcount order
	be.PutUint32(b[100:], 104)   // header length
	copy(b[size-8:], "the end")
	if change != nil {
		change(b)
	}
	return b
}

func u32(at int, v uint32) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint32(b[at:], v) }
}

func u64(at int, v uint64) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint64(b[at:], v) }
}

func TestCheckQCOW2(t *testing.T) {
	for _, tc := range []struct {
		name string
		data []byte
		want string // "" for a good one
	}{
		{"version 3", image(nil), ""},
		{"version 2", image(u32(4, 2)), ""},
		{"version 2, whose later bytes mean nothing", image(func(b []byte) { u32(4, 2)(b); u64(72, 4)(b) }), ""},
		{"not closed cleanly", image(u64(72, 1)), ""},
		{"compressed by zstd", image(u64(72, 8)), ""},

		{"with extended tables", image(func(b []byte) { u64(72, 16)(b); u32(36, 40)(b) }), "it has extended L2 entries"},

		{"empty", nil, "it is empty"},
		{"a page", []byte("<html><body>404</body></html>"), `it is not in qcow2 format: it starts with "<htm"`},
		{"raw", make([]byte, size), `it is not in qcow2 format: it starts with "\x00\x00\x00\x00"`},
		{"three bytes", []byte("QFI"), `it is not in qcow2 format: it starts with "QFI"`},
		{"cut off early", image(nil)[:60], "its qcow2 header is truncated after 60 bytes"},
		{"cut off in the header", image(nil)[:80], "its qcow2 header is truncated after 80 bytes"},
		{"version 1", image(u32(4, 1)), "its qcow2 version is 1"},
		{"a backing file", image(u64(8, 200)), "it names a backing file"},
		{"a backing file, version 2", image(func(b []byte) { u32(4, 2)(b); u64(8, 200)(b) }), "it names a backing file"},
		{"an external data file", image(u64(72, 4)), "its data are in an external file"},
		{"corrupt", image(u64(72, 2)), "it is marked as corrupt"},
		{"an unknown feature", image(u64(72, 1<<9)), "unknown qcow2 features (0x200)"},
		{"60 TiB", image(u64(24, 60<<40)), "it claims to be a disk of 65970697666560 bytes"},
		{"no disk", image(u64(24, 0)), "it claims to be a disk of 0 bytes"},
		{"tiny clusters", image(u32(20, 3)), "its cluster size is 2^3 bytes"},
		{"huge clusters", image(u32(20, 64)), "its cluster size is 2^64 bytes"},
		{"cut off before its tables", image(nil)[:2<<16], "its L1 table ends beyond its 131072 bytes"},
		{"an L1 table far away", image(u64(40, 1<<63)), "its L1 table ends beyond"},
		{"a long L1 table", image(u32(36, 1<<31)), "its L1 table ends beyond"},
		{"a refcount table far away", image(u64(48, 1<<63)), "its refcount table ends beyond"},
		{"a long refcount table", image(u32(56, 1<<31)), "its refcount table ends beyond"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"whole": bytes.NewReader(tc.data), "byte by byte": iotest.OneByteReader(bytes.NewReader(tc.data)),
			} {
				err := diskimage.Check(r, int64(len(tc.data)), "qcow2")
				switch {
				case tc.want == "" && err != nil:
					t.Errorf("%s: %v", how, err)
				case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
					t.Errorf("%s: got error %v, want one with %q", how, err, tc.want)
				}
			}
		})
	}
}

func TestCheckQCOW2TellsOfReadErrors(t *testing.T) {
	broken := errors.New("input/output error")
	if err := diskimage.Check(iotest.ErrReader(broken), size, "qcow2"); !errors.Is(err, broken) {
		t.Errorf("got error %v", err)
	}
}

// The check does not panic, whatever the header is.
func FuzzCheckQCOW2(f *testing.F) {
	f.Add(image(nil)[:104])
	f.Add(image(u64(72, 4))[:104])
	f.Add(image(u32(4, 2))[:72])
	f.Fuzz(func(t *testing.T, head []byte) {
		r := bytes.NewReader(append(head, make([]byte, 200)...))
		_ = diskimage.Check(r, size, "qcow2")
	})
}
