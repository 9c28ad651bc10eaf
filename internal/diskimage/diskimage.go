// Package diskimage checks disk images, kernels and ramdisks before they are
// uploaded. The image service accepts anything, and the machines that convert an
// image later follow its header, even to their own files. The package also reads
// the disk in a qcow2 image. It does not know clouds.
package diskimage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// headSize is how many bytes are read to detect a format: up to the descriptor of
// an ISO 9660 volume.
const headSize = 36 << 10

// Formats returns the disk formats that Check knows.
func Formats() []string {
	return []string{"raw", "qcow2", "aki", "ari", "ami", "iso", "vmdk", "vdi", "vhd", "vhdx", "ploop"}
}

// Check refuses a file that does not have the given disk format, that is visibly
// truncated, or that refers to other files. r reads the file from its start; size
// is its whole size. Check reads only the start, unless r is an io.ReaderAt: then
// it also reads the tables of a qcow2 image.
func Check(r io.Reader, size int64, format string) error {
	if !slices.Contains(Formats(), format) {
		return fmt.Errorf("the disk format %q is not known; the formats are %s", format, strings.Join(Formats(), ", "))
	}
	f, err := newFile(r, size)
	if err != nil {
		return err
	}
	return f.check(format)
}

// A file is the start of a file to check.
type file struct {
	head     []byte
	size     int64
	readerAt io.ReaderAt // nil: only the head can be read
}

func newFile(r io.Reader, size int64) (file, error) {
	head := make([]byte, min(headSize, max(size, 1)))
	n, err := io.ReadFull(r, head)
	switch {
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return file{}, err
	case n == 0:
		return file{}, errors.New("it is empty")
	}
	f := file{head: head[:n], size: size}
	f.readerAt, _ = r.(io.ReaderAt)
	return f, nil
}

func (f file) check(format string) error {
	switch format {
	case "aki":
		return f.checkKernel()
	case "ari":
		return f.checkRamdisk()
	case "raw", "ami":
		return f.checkRaw()
	}
	if err := f.checkMagic(format); err != nil {
		return err
	}
	switch format {
	case "qcow2":
		return f.checkQCOW2()
	case "vmdk":
		return f.checkVMDK()
	}
	return nil
}

// A signature identifies a format.
type signature struct {
	format string
	at     int
	magic  string
}

// signatures returns those of all formats except raw.
func signatures() []signature {
	return []signature{
		{"qcow2", 0, qcow2Magic},
		{"qed", 0, "QED\x00"},
		{"vmdk", 0, "KDMV"},
		{"vmdk", 0, "COWD"},
		{"vmdk", 0, "# Disk DescriptorFile"},
		{"vdi", 0x40, "\x7f\x10\xda\xbe"},
		{"vhdx", 0, "vhdxfile"},
		{"vhd", 0, "conectix"},
		{"ploop", 0, "WithoutFreeSpace"},
		{"ploop", 0, "WithouFreSpacExt"},
		{"luks", 0, "LUKS\xba\xbe"},
		{"dmg", 0, "koly"},
		{"bochs", 0, "Bochs Virtual HD Image"},
		{"cloop", 0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop"},
		{"iso", 0x8001, "CD001"},
		{"iso", 0x8001, "BEA01"},
	}
}

// formats returns all formats whose signatures the file has.
func (f file) formats() []string {
	var found []string
	for _, s := range signatures() {
		if s.at < len(f.head) && bytes.HasPrefix(f.head[s.at:], []byte(s.magic)) && !slices.Contains(found, s.format) {
			found = append(found, s.format)
		}
	}
	return found
}

// checkMagic refuses a file that does not have the format. It also refuses a file
// that has several: the reader of the file may choose another one than the check.
func (f file) checkMagic(format string) error {
	found := f.formats()
	switch {
	case !slices.Contains(found, format) && len(found) > 0:
		return fmt.Errorf("its format is not %s but %s", format, strings.Join(found, " and "))
	case !slices.Contains(found, format):
		return fmt.Errorf("it is not in %s format: it starts with %q", format, f.start())
	case len(found) > 1:
		return fmt.Errorf("it has several formats at once: %s", strings.Join(found, " and "))
	}
	return nil
}

// checkRaw refuses a raw disk that has the signature of another format. An ISO
// image with a boot record is both on purpose.
func (f file) checkRaw() error {
	found := f.formats()
	if f.bootRecord() {
		found = slices.DeleteFunc(found, func(s string) bool { return s == "iso" })
	}
	if len(found) > 0 {
		return fmt.Errorf("it is not raw but %s: programs that detect the format would read it as that", strings.Join(found, " and "))
	}
	if text := f.otherContent(); text != "" {
		return fmt.Errorf("it is not a disk but %s", text)
	}
	return nil
}

// bootRecord reports whether the first sector is a boot record.
func (f file) bootRecord() bool {
	return len(f.head) >= 512 && f.head[510] == 0x55 && f.head[511] == 0xaa
}

// otherContent describes a page or an archive that was downloaded instead of an
// image. It returns "" for other content.
func (f file) otherContent() string {
	start := bytes.ToLower(bytes.TrimSpace(f.head[:min(len(f.head), 256)]))
	switch {
	case bytes.HasPrefix(start, []byte("<!doctype")), bytes.HasPrefix(start, []byte("<html")), bytes.HasPrefix(start, []byte("<?xml")):
		return "a page"
	case len(f.head) > 262 && string(f.head[257:262]) == "ustar":
		return "a tar archive, which must be unpacked first"
	}
	for _, c := range compressions() {
		if bytes.HasPrefix(f.head, []byte(c.magic)) && c.distinctive {
			return "compressed (" + c.name + ") and must be unpacked first"
		}
	}
	return ""
}

// start returns the first bytes, for messages.
func (f file) start() []byte { return f.head[:min(len(f.head), 4)] }
