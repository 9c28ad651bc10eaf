package standin

import (
	"encoding/binary"
	"fmt"
)

// sector is the unit of disks, in bytes.
const sector = 512

// Disk returns a small file of a disk format, as Glance calls it: raw, qcow2, aki (a
// kernel), ari (a ramdisk), ami, iso, vmdk, vdi, vhd, vhdx or ploop. Files of other names
// differ. An unknown format gives a raw disk.
func Disk(format, name string) []byte {
	switch format {
	case "qcow2":
		return namedQCOW2(name)
	case "aki":
		return Kernel(name, 16<<10)
	case "ari":
		return Initramfs(name, 16<<10)
	case "iso":
		return isoImage(name)
	case "vmdk":
		return vmdkImage(name)
	}
	b := Raw(name)
	for _, magic := range []struct {
		format, text string
		at           int
	}{{"vdi", "\x7f\x10\xda\xbe", 0x40}, {"vhd", "conectix", 0}, {"vhdx", "vhdxfile", 0}, {"ploop", "WithoutFreeSpace", 0}} {
		if magic.format == format {
			copy(b[magic.at:], magic.text)
		}
	}
	return b
}

// Raw returns a raw disk with a boot record that starts nothing.
func Raw(name string) []byte {
	b := filler(name, 32*sector)
	clear(b[:sector])
	b[sector-2], b[sector-1] = 0x55, 0xaa
	return b
}

// isoImage returns an ISO 9660 volume without files: its descriptor and the end of the
// descriptors, as ECMA-119 places them.
func isoImage(name string) []byte {
	const block = 2 << 10
	b := make([]byte, 20*block)
	copy(b[19*block:], filler(name, block))
	copy(b[16*block:], "\x01CD001\x01")
	copy(b[16*block+40:], fmt.Sprintf("%-32.32s", "STANDIN"))
	binary.LittleEndian.PutUint32(b[16*block+80:], 20)
	binary.BigEndian.PutUint32(b[16*block+84:], 20)
	copy(b[17*block:], "\xffCD001\x01")
	return b
}

// vmdkImage returns a VMDK that contains its disk, of which nothing is written.
func vmdkImage(name string) []byte {
	const sectors = 2048
	b := filler(name, 128*sector)
	clear(b[:64*sector])
	le := binary.LittleEndian
	copy(b, "KDMV")
	le.PutUint32(b[4:], 1)
	le.PutUint64(b[12:], sectors)
	le.PutUint64(b[20:], 128) // sectors of a grain
	le.PutUint64(b[28:], 1)   // the sector of the descriptor
	le.PutUint64(b[36:], 20)  // its sectors
	le.PutUint32(b[44:], 512) // entries of a grain table
	copy(b[sector:], fmt.Sprintf("# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n\n# Extent description\nRW %d SPARSE %q\n", sectors, "disk.vmdk"))
	return b
}
