package standin

import "encoding/binary"

// Offsets in the header of a Linux kernel for x86, with the names of the boot
// protocol.
const (
	setupSectsAt    = 0x1f1
	sysSizeAt       = 0x1f4
	bootFlagAt      = 0x1fe
	jumpAt          = 0x200
	magicAt         = 0x202
	protocolAt      = 0x206
	kernelVersionAt = 0x20e
	loadFlagsAt     = 0x211

	setupSects  = 3
	versionText = 0x400 // offset of the version, in the setup sectors
)

// Kernel returns a kernel image of n bytes with the header of a bzImage, but
// without code.
func Kernel(version string, n int) []byte {
	b := filler(version, n)
	setup := (setupSects + 1) * 512
	clear(b[:setup])
	le := binary.LittleEndian
	b[setupSectsAt] = setupSects
	le.PutUint32(b[sysSizeAt:], uint32((n-setup)/16)) // in paragraphs
	le.PutUint16(b[bootFlagAt:], 0xaa55)
	b[jumpAt], b[jumpAt+1] = 0xeb, 0x66 // jumps over the header
	copy(b[magicAt:], "HdrS")
	le.PutUint16(b[protocolAt:], 0x020c)
	le.PutUint16(b[kernelVersionAt:], versionText-jumpAt)
	b[loadFlagsAt] = 1 // loaded high: a bzImage
	copy(b[versionText:], version+" (stand-in, does not boot)\x00")
	return b
}
