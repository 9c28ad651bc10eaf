package diskimage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// Values of a VMDK. Its descriptor is the text that lists the parts of the disk.
const (
	descriptorAt  = 512
	maxDescriptor = 1<<20 - 1
	footerMarker  = 1<<64 - 1 // the valid header is at the end
)

var (
	createType = lazyregexp.New(`(?m)^createType="([^"]*)"`)
	extentLine = lazyregexp.New(`(?m)^[ \t]*(?:RW|RDONLY|NOACCESS)\s.*$`)
	extentFile = lazyregexp.New(`"([^"]*)"`)
)

// checkVMDK refuses an image that refers to other files. Of the many kinds of VMDK
// it accepts only those that contain the whole disk.
func (f file) checkVMDK() error {
	if !f.has(0, "KDMV") || len(f.head) < descriptorAt {
		return errors.New("it is a VMDK that does not contain its disk")
	}
	le := binary.LittleEndian
	if v := le.Uint32(f.head[4:]); v < 1 || v > 3 {
		return fmt.Errorf("its VMDK version is %d; 1 to 3 are known", v)
	}
	if virtual := le.Uint64(f.head[12:]); virtual == 0 || virtual > MaxVirtualSize/512 {
		return fmt.Errorf("it claims to be a disk of %d sectors", virtual)
	}
	if le.Uint64(f.head[56:]) == footerMarker {
		return errors.New("its VMDK header is replaced by another one at its end")
	}
	text, err := f.descriptor(le.Uint64(f.head[28:]), le.Uint64(f.head[36:]))
	if err != nil {
		return err
	}
	return checkDescriptor(text)
}

func (f file) descriptor(at, sectors uint64) (string, error) {
	if at != descriptorAt/512 || sectors == 0 || sectors > maxDescriptor/512 {
		return "", errors.New("its VMDK descriptor is not right after the header")
	}
	n := int64(sectors) * 512
	if f.size < descriptorAt+n {
		return "", errors.New("its VMDK descriptor is truncated")
	}
	b := make([]byte, n)
	switch {
	case descriptorAt+n <= int64(len(f.head)):
		copy(b, f.head[descriptorAt:])
	case f.readerAt == nil:
		return "", errors.New("its VMDK descriptor is too long")
	default:
		if _, err := f.readerAt.ReadAt(b, descriptorAt); err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b), nil
}

func checkDescriptor(text string) error {
	kinds := createType.FindAllStringSubmatch(text, -1)
	if len(kinds) != 1 || !slices.Contains([]string{"monolithicSparse", "streamOptimized"}, kinds[0][1]) {
		return errors.New("its VMDK kind is neither monolithicSparse nor streamOptimized: others name files to read from")
	}
	extents := extentLine.FindAllString(text, -1)
	if len(extents) > 1 {
		return fmt.Errorf("it is a VMDK of %d extents", len(extents))
	}
	for _, line := range extents {
		if name := extentFile.FindStringSubmatch(line); name != nil && strings.ContainsAny(name[1], `/\`) {
			return fmt.Errorf("its VMDK extent is another file, %q", name[1])
		}
	}
	return nil
}
