package diskimage_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/bayplan/bayplan/internal/diskimage"
	"github.com/bayplan/bayplan/internal/standin"
)

// at makes n bytes with texts at given offsets.
func at(n int, puts ...any) []byte {
	b := make([]byte, n)
	for i := 0; i < len(puts); i += 2 {
		copy(b[puts[i].(int):], puts[i+1].(string))
	}
	return b
}

func gzipped(t *testing.T, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	finish(t, w.Write, w.Close, []byte(data))
	return b.Bytes()
}

func xzipped(t *testing.T, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	finish(t, w.Write, w.Close, []byte(data))
	return b.Bytes()
}

func zstded(t *testing.T, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	finish(t, w.Write, w.Close, []byte(data))
	return b.Bytes()
}

func TestCheckKernel(t *testing.T) {
	whole := standin.Kernel("4.18.0", 20<<10)
	pe := at(1024, 0, "MZ", 0x80, "PE\x00\x00")
	binary.LittleEndian.PutUint32(pe[0x3c:], 0x80)
	old := bytes.Clone(whole)
	old[0x1f1] = 0 // stands for 4
	check(t, "aki", []file{
		{"a bzImage", whole, ""},
		{"an old bzImage", append(old, make([]byte, 512)...), ""},
		{"a bzImage that is signed", append(bytes.Clone(whole), "signature"...), ""},
		{"an Image for aarch64", at(4096, 0x38, "ARM\x64"), ""},
		{"an EFI program", pe, ""},
		{"ELF, as on ppc64le", at(4096, 0, "\x7fELF\x02\x02\x01"), ""},
		{"a kernel for s390x", at(0x11000, 0, "\x00\x08\x00\x00\x80\x01\x00\x00", 0x10008, "S390EP"), ""},
		{"an Image that is compressed", gzipped(t, "Image"), ""},

		{"empty", nil, "it is empty"},
		{"cut off", whole[:10<<10], "the kernel is truncated: it has 10240 bytes"},
		{"cut off in its header", whole[:0x200], "it is not a kernel"},
		{"half an EFI program", pe[:0x30], "it is not a kernel"},
		{"a page", []byte("<!DOCTYPE html><html></html>"), "it is not a kernel but a page"},
		{"a disk image", standin.QCOW2(), "it is not a kernel but qcow2"},
		{"a ramdisk", []byte("070701"), `it is not a kernel: it starts with "0707"`},
		{"zeros", make([]byte, 70<<10), "it is not a kernel"},
		{"a tar archive", at(1024, 257, "ustar"), "it is not a kernel but a tar archive"},
	})
	planned := at(0x11000, 0, "\x00\x08\x00\x00\x80\x01\x00\x00")
	if err := diskimage.Check(io.MultiReader(bytes.NewReader(planned)), int64(len(planned)), "aki"); err != nil {
		t.Errorf("a kernel for s390x that is still to be written: %v", err)
	}
}

func TestCheckRamdisk(t *testing.T) {
	const cpio = "0707010000000100000000"
	ext := string(at(2048, 0x438, "\x53\xef"))
	check(t, "ari", []file{
		{"the quick start's", standin.Initramfs("agent", 10000), ""},
		{"cpio", []byte(cpio), ""},
		{"cpio with checksums", []byte("070702"), ""},
		{"gzip", gzipped(t, cpio), ""},
		{"xz", xzipped(t, cpio), ""},
		{"zstd", zstded(t, cpio), ""},
		{"a file system, packed", gzipped(t, ext), ""},
		{"a file system", []byte(ext), ""},
		{"squashfs", []byte("hsqs1234"), ""},
		{"lz4", []byte("\x02\x21\x4c\x181234"), ""},
		{"microcode ahead of the rest", append([]byte(cpio), gzipped(t, cpio)...), ""},
		{"much of one thing", gzipped(t, cpio+strings.Repeat("\x00", 8<<20)), ""},

		{"empty", nil, "it is empty"},
		{"a page", []byte("<html><body>404"), "it is not a ramdisk but a page"},
		{"a page, packed", gzipped(t, "<html><body>404</body></html>"), `its content is not a ramdisk: it starts with "<html>"`},
		{"nothing, packed", gzipped(t, ""), "its content is not a ramdisk"},
		{"a kernel", standin.Kernel("4.18", 10000), "it is not a ramdisk"},
		{"a disk image", standin.QCOW2(), "it is not a ramdisk but qcow2"},
		{"damaged gzip", append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), bytes.Repeat([]byte{0xff}, 100)...), "its gzip data cannot be unpacked"},
		{"half a gzip header", []byte("\x1f\x8b\x08"), "its gzip data cannot be unpacked"},
		{"damaged xz", []byte("\xfd7zXZ\x00nonsense"), "its xz data cannot be unpacked"},
		{"zstd with a window of 1 GiB", []byte("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"), "its zstd data asks for a window of more than 256 MiB"},
		{"zstd with a window of 512 MiB", []byte("\x28\xb5\x2f\xfd\x00\x98\x01\x00\x00"), "its zstd data asks for a window of more than 256 MiB"},
		{"damaged zstd", []byte("\x28\xb5\x2f\xfdnonsense nonsense"), "its zstd data cannot be unpacked"},
	})
}
