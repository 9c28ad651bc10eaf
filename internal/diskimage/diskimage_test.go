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
	"github.com/bayplan/bayplan/internal/standin"
)

// A file is a file to check.
type file struct {
	name string
	data []byte
	want string // of the error; "" for none
}

func check(t *testing.T, format string, files []file) {
	t.Helper()
	for _, tc := range files {
		t.Run(tc.name, func(t *testing.T) {
			err := diskimage.Check(bytes.NewReader(tc.data), int64(len(tc.data)), format)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want %q", err, tc.want)
			}
		})
	}
}

// foreign are files of all formats except raw.
func foreign() map[string][]byte {
	return map[string][]byte{
		"qcow2": standin.QCOW2(),
		"qed":   at(4096, 0, "QED\x00"),
		"vmdk":  sparseVMDK("monolithicSparse", `RW 100 SPARSE "disk.vmdk"`),
		"vdi":   at(4096, 0, "<<< Oracle VM VirtualBox Disk Image >>>\n", 0x40, "\x7f\x10\xda\xbe"),
		"vhdx":  at(4096, 0, "vhdxfile"),
		"vhd":   at(4096, 0, "conectix"),
		"ploop": at(4096, 0, "WithouFreSpacExt"),
		"luks":  at(4096, 0, "LUKS\xba\xbe"),
		"iso":   at(40<<10, 0x8001, "CD001"),
	}
}

func TestCheckRaw(t *testing.T) {
	files := []file{
		{"zeros", make([]byte, 100), ""},
		{"a partitioned disk", at(40<<10, 510, "\x55\xaa", 512, "EFI PART"), ""},
		{"a file system", at(40<<10, 0x438, "\x53\xef"), ""},
		{"an ISO that is booted from a stick, too", at(40<<10, 510, "\x55\xaa", 0x8001, "CD001"), ""},
		{"text", []byte("data"), ""},

		{"empty", nil, "it is empty"},
		{"a VMDK in text", []byte("# Disk DescriptorFile\nversion=1\n"), "it is not raw but vmdk"},
		{"an old VMDK", at(512, 0, "COWD"), "it is not raw but vmdk"},
		{"a page", []byte("\n<!doctype html>"), "it is not a disk but a page"},
		{"an archive", at(1024, 257, "ustar  "), "it is not a disk but a tar archive"},
		{"gzip", gzipped(t, "disk"), "it is not a disk but compressed (gzip)"},
		{"xz", xzipped(t, "disk"), "it is not a disk but compressed (xz)"},
	}
	for name, data := range foreign() {
		files = append(files, file{name, data, "it is not raw but " + name})
	}
	check(t, "raw", files)
}

func TestCheckOtherFormats(t *testing.T) {
	for name, data := range foreign() {
		for _, format := range []string{"qcow2", "vmdk", "vdi", "vhdx", "vhd", "ploop", "iso"} {
			err := diskimage.Check(bytes.NewReader(data), int64(len(data)), format)
			if (err == nil) != (name == format) {
				t.Errorf("%s as %s: %v", name, format, err)
			}
		}
	}
	if err := diskimage.Check(strings.NewReader("x"), 1, "docker"); err == nil || !strings.Contains(err.Error(), "is not known") {
		t.Errorf("got error %v", err)
	}
}

// sparseVMDK makes a VMDK that contains its disk.
func sparseVMDK(kind string, extents ...string) []byte {
	b := at(24<<10, 0, "KDMV", 512, "# Disk DescriptorFile\nversion=1\ncreateType=\""+kind+"\"\n\n# Extent description\n"+strings.Join(extents, "\n")+"\n")
	le := binary.LittleEndian
	le.PutUint32(b[4:], 1)    // version
	le.PutUint64(b[12:], 100) // sectors
	le.PutUint64(b[28:], 1)   // descriptor
	le.PutUint64(b[36:], 20)  // its sectors
	return b
}

func TestCheckVMDK(t *testing.T) {
	change := func(f func(b []byte)) []byte {
		b := sparseVMDK("streamOptimized", `RW 100 SPARSE "a.vmdk"`)
		f(b)
		return b
	}
	check(t, "vmdk", []file{
		{"monolithicSparse", sparseVMDK("monolithicSparse", `RW 100 SPARSE "a.vmdk"`), ""},
		{"streamOptimized", sparseVMDK("streamOptimized"), ""},
		{"flat", sparseVMDK("monolithicFlat", `RW 100 FLAT "/etc/passwd" 0`), "neither monolithicSparse nor streamOptimized"},
		{"of two kinds", sparseVMDK("monolithicSparse", "createType=\"monolithicFlat\""), "neither monolithicSparse nor"},
		{"of two files", sparseVMDK("monolithicSparse", `RW 100 SPARSE "a"`, `RW 100 SPARSE "b"`), "a VMDK of 2 extents"},
		{"of another file", sparseVMDK("monolithicSparse", ` RW 100 SPARSE "../a"`), "its VMDK extent is another file"},
		{"a text", []byte("# Disk DescriptorFile\ncreateType=\"monolithicSparse\""), "does not contain its disk"},
		{"an old one", at(1024, 0, "COWD"), "does not contain its disk"},
		{"short", at(100, 0, "KDMV"), "does not contain its disk"},
		{"of version 9", change(func(b []byte) { b[4] = 9 }), "its VMDK version is 9"},
		{"huge", change(func(b []byte) { b[19] = 1 }), "it claims to be a disk of"},
		{"with a footer", change(func(b []byte) { copy(b[56:], "\xff\xff\xff\xff\xff\xff\xff\xff") }), "is replaced by another one"},
		{"a descriptor elsewhere", change(func(b []byte) { b[28] = 9 }), "is not right after the header"},
		{"a descriptor without end", change(func(b []byte) { b[40] = 1 }), "is not right after the header"},
		{"a descriptor beyond the end", change(func(b []byte) { binary.LittleEndian.PutUint64(b[36:], 1000) }), "is truncated"},
	})
	b := append(change(func(b []byte) { binary.LittleEndian.PutUint64(b[36:], 100) }), make([]byte, 100<<10)...)
	if err := diskimage.Check(bytes.NewReader(b), int64(len(b)), "vmdk"); err != nil {
		t.Errorf("a long descriptor: %v", err)
	}
	if err := diskimage.Check(io.MultiReader(bytes.NewReader(b)), int64(len(b)), "vmdk"); err == nil {
		t.Error("a long descriptor of which nothing is known is taken")
	}
}

func TestCheckTellsOfReadErrors(t *testing.T) {
	broken := errors.New("input/output error")
	for _, format := range diskimage.Formats() {
		if err := diskimage.Check(iotest.ErrReader(broken), 1000, format); !errors.Is(err, broken) {
			t.Errorf("%s: got error %v", format, err)
		}
	}
	image := standin.QCOW2()
	r := failsAfter{bytes.NewReader(image), 3 << 12}
	if err := diskimage.Check(r, int64(len(image)), "qcow2"); !errors.Is(err, errBroken) {
		t.Errorf("got error %v", err)
	}
}

var errBroken = errors.New("input/output error")

// A failsAfter has a ReadAt that fails from some offset on.
type failsAfter struct {
	*bytes.Reader
	from int64
}

func (r failsAfter) ReadAt(p []byte, at int64) (int, error) {
	if at >= r.from {
		return 0, errBroken
	}
	return r.Reader.ReadAt(p, at)
}

// The check does not panic, whatever the content of a file and its stated format.
func FuzzCheck(f *testing.F) {
	for _, data := range foreign() {
		f.Add(data[:min(len(data), 4096)])
	}
	f.Add(standin.Kernel("4.18", 5000))
	f.Add(standin.Initramfs("x", 1000))
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, format := range diskimage.Formats() {
			_ = diskimage.Check(bytes.NewReader(data), int64(len(data)), format)
		}
	})
}
