// Package storedgzip packs bytes as gzip without compressing them. The output
// of a compressor can change from one version to the next; the output of this
// package is always the same for the same bytes. It does not look at what it
// packs.
package storedgzip

import (
	"encoding/binary"
	"hash/crc32"
)

// Pack returns data as a gzip file (RFC 1952) of stored blocks only.
func Pack(data []byte) []byte {
	const largest = 1<<16 - 1
	out := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff} // deflate, no name, no time, unknown system
	for rest := data; ; {
		n := min(len(rest), largest)
		last := byte(0)
		if n == len(rest) {
			last = 1
		}
		out = append(out, last)
		out = binary.LittleEndian.AppendUint16(out, uint16(n))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(n))
		out = append(out, rest[:n]...)
		if rest = rest[n:]; last == 1 {
			break
		}
	}
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(data))
	return binary.LittleEndian.AppendUint32(out, uint32(len(data)))
}
