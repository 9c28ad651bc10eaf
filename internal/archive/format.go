package archive

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/bayplan/bayplan/internal/fault"
)

// A magic is a byte sequence that identifies a kind of file.
type magic struct {
	offset int
	bytes  string
	kind   string
}

const zstdMagic = "\x28\xb5\x2f\xfd"

// compressions are the supported compressed streams.
var compressions = []magic{
	{0, "\x1f\x8b\x08", "gzip"},
	{0, zstdMagic, "zstd"},
	{0, "\xfd7zXZ\x00", "xz"},
	{0, "BZh", "bzip2"},
}

// otherFormats are kinds of files that people take for tar archives.
var otherFormats = []magic{
	{0, "QFI\xfb", "a qcow2 disk image"},
	{0, "\xed\xab\xee\xdb", "an RPM package"},
	{0, "070701", "a cpio archive"},
	{0, "070702", "a cpio archive"},
	{0, "PK\x03\x04", "a zip archive"},
	{0, "PK\x05\x06", "a zip archive"}, // an empty one
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{0, "!<arch>\n", "an ar archive"},
	{0, "\x04\x22\x4d\x18", "an lz4 stream"},
	{0, "\x02\x21\x4c\x18", "an lz4 stream"}, // as the Linux kernel has it
	{0, "\x5d\x00\x00", "an lzma stream"},
	{0, "\x89LZO", "an lzo stream"},
	{0, "Rar!", "a RAR archive"},
	{0, "070707", "a cpio archive"},
	{0, "\xc7\x71", "a cpio archive"},
	{0, "hsqs", "a squashfs file system"},
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

// sniffBytes is how many bytes of a file are read to detect its kind.
const sniffBytes = 1024

func matchMagic(all []magic, head []byte) string {
	for _, m := range all {
		if len(head) >= m.offset && bytes.HasPrefix(head[m.offset:], []byte(m.bytes)) {
			return m.kind
		}
	}
	return ""
}

// skipFrames returns head after the skippable frames with which it begins. Both zstd and
// lz4 have them: pzstd writes one before each of its frames. If all of head is such
// frames, they are taken for those of zstd, which are common.
func skipFrames(head []byte) []byte {
	const headerLen = 8
	for rest := head; ; {
		if len(rest) < headerLen || rest[0]&0xf0 != 0x50 || string(rest[1:4]) != "\x2a\x4d\x18" {
			return rest
		}
		size := int64(binary.LittleEndian.Uint32(rest[4:]))
		if size > int64(len(rest)-headerLen) {
			return []byte(zstdMagic)
		}
		if rest = rest[headerLen+size:]; len(rest) == 0 {
			return []byte(zstdMagic)
		}
	}
}

// kindOf detects the kind of a file from its first bytes. kind is "tar", the
// name of a compression, or "" together with a description of the file.
func kindOf(head []byte) (kind, like string) {
	switch kind := matchMagic(compressions, skipFrames(head)); {
	case len(head) == 0:
		return "", "an empty file"
	case kind != "":
		return kind, ""
	case isTar(head):
		return "tar", ""
	}
	if like := matchMagic(otherFormats, skipFrames(head)); like != "" {
		return "", like
	}
	return "", "something that begins with " + strconv.Quote(string(head[:min(len(head), 16)]))
}

// isTar detects a tar header by its magic or, since old headers have none, by
// its checksum. A block of zeros is the end of an archive, and so the beginning
// of an empty one.
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

// notTarError is the error of a file that is not a supported archive.
func notTarError(like string) error {
	return fault.WithHint(fmt.Errorf("it is %s, not a tar archive", like),
		"the supported formats are tar, tar.gz, tar.zst, tar.xz and tar.bz2, whatever the name of the file")
}
