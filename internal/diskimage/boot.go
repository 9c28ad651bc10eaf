package diskimage

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"

	"github.com/bayplan/bayplan/internal/archive"
)

// Offsets in the headers of Linux kernels. The first four are those of the x86
// boot protocol, with its names.
const (
	setupSectsAt = 0x1f1
	sysSizeAt    = 0x1f4
	bootFlagAt   = 0x1fe
	hdrSAt       = 0x202
	arm64At      = 0x38
	s390At       = 0x10008
)

// checkKernel refuses a file that no boot loader accepts as a kernel, and a
// truncated kernel for x86.
func (f file) checkKernel() error {
	if found := f.formats(); len(found) > 0 {
		return fmt.Errorf("it is not a kernel but %s", found[0])
	}
	switch {
	case f.has(hdrSAt, "HdrS") && f.has(bootFlagAt, "\x55\xaa"):
		return f.checkBzImage()
	case f.has(arm64At, "ARM\x64"): // an Image for aarch64, with or without EFI stub
		return nil
	case f.has(0, "MZ") && f.isPE(): // EFI, also a compressed kernel for aarch64
		return nil
	case f.has(0, "\x7fELF"), f.isS390(), f.has(0, "\x1f\x8b\x08"):
		return nil // ppc64le, s390x, or a compressed Image
	}
	if text := f.otherContent(); text != "" {
		return fmt.Errorf("it is not a kernel but %s", text)
	}
	return fmt.Errorf("it is not a kernel: it starts with %q and has no header of a bzImage, an aarch64 Image, an EFI program, ELF or s390x", f.start())
}

func (f file) has(at int, magic string) bool {
	return at < len(f.head) && bytes.HasPrefix(f.head[at:], []byte(magic))
}

// checkBzImage compares the size with the one in the header.
func (f file) checkBzImage() error {
	setup := int64(f.head[setupSectsAt])
	if setup == 0 {
		setup = 4 // the protocol's value for old kernels
	}
	// The size of the code is in paragraphs of 16 bytes, and the last one may
	// be incomplete.
	whole := (setup+1)*512 + 16*int64(binary.LittleEndian.Uint32(f.head[sysSizeAt:])) - 15
	if f.size < whole {
		return fmt.Errorf("the kernel is truncated: it has %d bytes, its header says %d", f.size, whole)
	}
	return nil
}

func (f file) isPE() bool {
	if len(f.head) < 0x40 {
		return false
	}
	return f.has(int(binary.LittleEndian.Uint32(f.head[0x3c:])), "PE\x00\x00")
}

func (f file) isS390() bool {
	if f.readerAt == nil || f.size < s390At+6 {
		return f.readerAt == nil && f.has(0, "\x00\x08\x00\x00\x80\x01\x00\x00") // the loader's PSW
	}
	b := make([]byte, 6)
	_, err := f.readerAt.ReadAt(b, s390At)
	return err == nil && string(b) == "S390EP"
}

// A compression is one that a ramdisk may have.
type compression struct {
	name        string
	magic       string
	distinctive bool // the magic is long enough to be sure
	open        func(io.Reader) (io.Reader, error)
}

func compressions() []compression {
	return []compression{
		{"gzip", "\x1f\x8b\x08", true, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"xz", "\xfd7zXZ\x00", true, func(r io.Reader) (io.Reader, error) { return archive.XZ(r, maxWindow) }},
		{"zstd", "\x28\xb5\x2f\xfd", true, openZstd},
		{"bzip2", "BZh", false, func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
		{"lzma", "\x5d\x00\x00", false, func(r io.Reader) (io.Reader, error) { return lzma.NewReader(r) }},
		{"lz4", "\x02\x21\x4c\x18", true, nil},
		{"lzo", "\x89LZO", true, nil},
	}
}

// maxWindow is the most memory that the decompression of a ramdisk may use.
const maxWindow = 256 << 20

// openZstd limits the memory and the goroutines of the decoder.
func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow))
}

// ramdiskPeek is how many unpacked bytes are checked: up to the superblock of an
// ext file system.
const ramdiskPeek = 2 << 10

// checkRamdisk refuses a file that no kernel accepts as its first file system. It
// unpacks only the start.
func (f file) checkRamdisk() error {
	if found := f.formats(); len(found) > 0 {
		return fmt.Errorf("it is not a ramdisk but %s", found[0])
	}
	for _, c := range compressions() {
		if !f.has(0, c.magic) {
			continue
		}
		if c.open == nil {
			return nil
		}
		start, err := unpackStart(c, f.head)
		if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
			return errors.New("its zstd data asks for a window of more than 256 MiB (the option --long)")
		}
		if err != nil {
			return fmt.Errorf("its %s data cannot be unpacked: %w", c.name, err)
		}
		if !isRamdisk(start) {
			return fmt.Errorf("it is %s data, but its content is not a ramdisk: it starts with %q", c.name, start[:min(len(start), 6)])
		}
		return nil
	}
	if !isRamdisk(f.head) {
		if text := f.otherContent(); text != "" {
			return fmt.Errorf("it is not a ramdisk but %s", text)
		}
		return fmt.Errorf("it is not a ramdisk: it starts with %q, which is neither cpio nor compressed by gzip, xz, zstd, bzip2, lzma, lz4 or lzo", f.start())
	}
	return nil
}

// unpackStart unpacks the start of a compressed file from its head.
func unpackStart(c compression, head []byte) ([]byte, error) {
	r, err := c.open(bytes.NewReader(head))
	if err != nil {
		return nil, err
	}
	if z, ok := r.(*zstd.Decoder); ok {
		defer z.Close()
	}
	start := make([]byte, ramdiskPeek)
	n, err := io.ReadFull(r, start)
	if n > 0 || errors.Is(err, io.EOF) {
		return start[:n], nil // a compressed block may be larger than the head
	}
	return nil, err
}

// isRamdisk reports whether b is the start of an archive or a file system that a
// kernel accepts as its first.
func isRamdisk(b []byte) bool {
	for _, magic := range []string{"070701", "070702", "070707", "\xc7\x71", "\x71\xc7", "hsqs", "-rom1fs-", "\x45\x3d\xcd\x28"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return true
		}
	}
	return len(b) > 0x43a && b[0x438] == 0x53 && b[0x439] == 0xef
}
