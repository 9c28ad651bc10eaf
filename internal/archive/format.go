package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/zstd"

	"github.com/bayplan/bayplan/internal/fault"
)

// A magic is how a kind of file begins.
type magic struct {
	offset int
	bytes  string
	kind   string
}

// compressions are the compressed streams that are understood.
var compressions = []magic{
	{0, "\x1f\x8b\x08", "gzip"},
	{0, "\x28\xb5\x2f\xfd", "zstd"},
	{0, "\xfd7zXZ\x00", "xz"},
	{0, "BZh", "bzip2"},
}

// strangers are kinds of files that people mistake for archives.
var strangers = []magic{
	{0, "QFI\xfb", "a qcow2 disk image"},
	{0, "\xed\xab\xee\xdb", "an RPM package"},
	{0, "070701", "a cpio archive"},
	{0, "070702", "a cpio archive"},
	{0, "PK\x03\x04", "a zip archive"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{0, "!<arch>\n", "an ar archive"},
	{0, "\x04\x22\x4d\x18", "an lz4 stream"},
	{0, "LZIP", "an lzip stream"},
	{0, "\x1f\x9d", "a compress (.Z) stream"},
	{0, "\x7fELF", "a program (ELF)"},
	{0x202, "HdrS", "a Linux kernel"},
	{0, "<!DOCTYPE", "an HTML page"},
	{0, "<!doctype", "an HTML page"},
	{0, "<html", "an HTML page"},
	{0, "<?xml", "an XML document"},
	{0, "{", "JSON text"},
}

// sniffed is how much of a file is looked at to tell its kind.
const sniffed = 1024

func find(all []magic, head []byte) string {
	for _, m := range all {
		if len(head) >= m.offset && bytes.HasPrefix(head[m.offset:], []byte(m.bytes)) {
			return m.kind
		}
	}
	return ""
}

// kindOf tells what a file is by how it begins: "tar", the name of a
// compression, or "" along with what it looks like.
func kindOf(head []byte) (kind, like string) {
	switch kind := find(compressions, head); {
	case len(head) == 0:
		return "", "an empty file"
	case kind != "":
		return kind, ""
	case isTar(head):
		return "tar", ""
	}
	if like := find(strangers, head); like != "" {
		return "", like
	}
	return "", "something that begins with " + strconv.Quote(string(head[:min(len(head), 16)]))
}

// isTar tells a tar header by its magic, or by its checksum: old ones have no
// magic. A block of zeros ends an archive, so it also begins an empty one.
func isTar(head []byte) bool {
	if len(head) < 512 {
		return false
	}
	block := head[:512]
	if string(block[257:262]) == "ustar" || bytes.Equal(block, make([]byte, 512)) {
		return true
	}
	sum := 0
	for i, b := range block {
		if i >= 148 && i < 156 { // the checksum itself counts as spaces
			b = ' '
		}
		sum += int(b)
	}
	field := string(bytes.Trim(block[148:156], " \x00"))
	want, err := strconv.ParseInt(field, 8, 32)
	return err == nil && int64(sum) == want
}

// An unknownError tells that a file is no archive that is understood.
func unknownError(like string) error {
	return fault.WithHint(fmt.Errorf("it is %s, not a tar archive", like),
		"understood are tar, tar.gz, tar.zst, tar.xz and tar.bz2, whatever the file is called")
}

// decompress finds out how r is compressed and gives the tar inside.
func decompress(r *bufio.Reader, l Limits) (out io.Reader, kind string, close func(), err error) {
	head, err := r.Peek(sniffed)
	if err != nil && err != io.EOF {
		return nil, "", nil, err
	}
	err = nil // a short file is told by its kind
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
		return nil, "", nil, unknownError(like)
	}
	if err != nil {
		return nil, kind, nil, fmt.Errorf("%s: %w", kind, err)
	}
	return out, kind, close, nil
}

func newZstd(r io.Reader, l Limits) (*zstd.Decoder, error) {
	return zstd.NewReader(r,
		zstd.WithDecoderMaxWindow(uint64(l.Window)),
		zstd.WithDecoderMaxMemory(uint64(l.stream(l.Entries))),
		// One at a time decodes in the goroutine that reads: were a broken
		// stream to panic in another one, nobody could catch it.
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true))
}
