// Package diskimage looks at disk images, kernels and ramdisks before anybody
// else does: the image service takes whatever it is given, and the machines
// that unpack an image later follow what its header says, even to files of
// their own. It also reads a qcow2 image as the disk that it stands for. It
// knows nothing of clouds.
package diskimage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// headSize is how much of a file its format is told by: up to the descriptor
// of an ISO 9660 volume.
const headSize = 36 << 10

// Formats gives the disk formats that Check knows.
func Formats() []string {
	return []string{"raw", "qcow2", "aki", "ari", "ami", "iso", "vmdk", "vdi", "vhd", "vhdx", "ploop"}
}

// Check refuses a file that is not what its disk format says, that is cut off
// as far as that shows, or that reaches for other files. r gives the file from
// its start, size is the size of the whole. No more than the start is read,
// unless r can be read anywhere (an io.ReaderAt): then the tables of a qcow2
// image are read, too.
func Check(r io.Reader, size int64, format string) error {
	if !slices.Contains(Formats(), format) {
		return fmt.Errorf("the disk format %q is not known; known are %s", format, strings.Join(Formats(), ", "))
	}
	f, err := newFile(r, size)
	if err != nil {
		return err
	}
	return f.check(format)
}

// A file is what is looked at.
type file struct {
	head []byte
	size int64
	at   io.ReaderAt // nil: only the head is known
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
	f.at, _ = r.(io.ReaderAt)
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

// A signature is how a format shows.
type signature struct {
	format string
	at     int
	magic  string
}

// signatures are those of formats that are more than the bytes of a disk.
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

// formats gives all the formats that the file could be taken for.
func (f file) formats() []string {
	var found []string
	for _, s := range signatures() {
		if s.at < len(f.head) && bytes.HasPrefix(f.head[s.at:], []byte(s.magic)) && !slices.Contains(found, s.format) {
			found = append(found, s.format)
		}
	}
	return found
}

// checkMagic refuses a file that is not of the format, and one that is of
// another as well: who reads it need not agree with who checked it.
func (f file) checkMagic(format string) error {
	found := f.formats()
	switch {
	case !slices.Contains(found, format) && len(found) > 0:
		return fmt.Errorf("it is no %s image but %s", format, strings.Join(found, " and "))
	case !slices.Contains(found, format):
		return fmt.Errorf("it is no %s image: it starts with %q", format, f.start())
	case len(found) > 1:
		return fmt.Errorf("it could be taken for each of %s", strings.Join(found, " and "))
	}
	return nil
}

// checkRaw refuses a disk whose bytes are more than the bytes of a disk. An
// ISO image that carries a boot record too is both, on purpose.
func (f file) checkRaw() error {
	found := f.formats()
	if f.bootRecord() {
		found = slices.DeleteFunc(found, func(s string) bool { return s == "iso" })
	}
	if len(found) > 0 {
		return fmt.Errorf("it is not raw but %s: whoever looks at the bytes before using them reads it as that", strings.Join(found, " and "))
	}
	if text := f.text(); text != "" {
		return fmt.Errorf("it is no disk but %s", text)
	}
	return nil
}

// bootRecord says whether the first sector ends as one that is booted does.
func (f file) bootRecord() bool {
	return len(f.head) >= 512 && f.head[510] == 0x55 && f.head[511] == 0xaa
}

// text tells pages and archives that were fetched in place of an image.
func (f file) text() string {
	start := bytes.ToLower(bytes.TrimSpace(f.head[:min(len(f.head), 256)]))
	switch {
	case bytes.HasPrefix(start, []byte("<!doctype")), bytes.HasPrefix(start, []byte("<html")), bytes.HasPrefix(start, []byte("<?xml")):
		return "a page"
	case len(f.head) > 262 && string(f.head[257:262]) == "ustar":
		return "a tar archive, which is to be unpacked first"
	}
	for _, c := range compressions() {
		if bytes.HasPrefix(f.head, []byte(c.magic)) && c.sure {
			return "compressed (" + c.name + "), which is to be unpacked first"
		}
	}
	return ""
}

// start gives the first bytes, for messages.
func (f file) start() []byte { return f.head[:min(len(f.head), 4)] }
