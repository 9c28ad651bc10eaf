package sample

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Initramfs gives a file system archive for a kernel, of a little more than n
// bytes: cpio in its newc form inside gzip.
func Initramfs(name string, n int) []byte {
	var b bytes.Buffer
	for i, e := range []cpioEntry{
		{".", dirMode, nil},
		{"etc", dirMode, nil},
		{"etc/hostname", fileMode, []byte(name + "\n")},
		{"init", programMode, []byte("#!/bin/sh\necho 'stand-in for " + name + ", does not boot'\n")},
		{"lib", dirMode, nil},
		{"lib/filler", fileMode, filler(name, n)},
	} {
		e.write(&b, i+1)
	}
	cpioEntry{"TRAILER!!!", 0, nil}.write(&b, 0)
	b.Write(make([]byte, pad(b.Len(), 512)))
	return stored(b.Bytes())
}

// Modes of cpio entries, with their types.
const (
	dirMode     = 0o040755
	fileMode    = 0o100644
	programMode = 0o100755
)

type cpioEntry struct {
	name    string
	mode    int
	content []byte
}

func (e cpioEntry) write(b *bytes.Buffer, inode int) {
	links := 1
	if e.mode == dirMode {
		links = 2
	}
	fields := []int{inode, e.mode, 0, 0, links, 0, len(e.content), 0, 0, 0, 0, len(e.name) + 1, 0}
	b.WriteString("070701")
	for _, f := range fields {
		fmt.Fprintf(b, "%08X", f)
	}
	b.WriteString(e.name + "\x00")
	b.Write(make([]byte, pad(b.Len(), 4)))
	b.Write(e.content)
	b.Write(make([]byte, pad(b.Len(), 4)))
}

// pad gives how many bytes are missing to a multiple of unit.
func pad(n, unit int) int { return (unit - n%unit) % unit }

// stored wraps b in gzip without compressing it: what a compressor makes of
// the same bytes may change with its version.
func stored(b []byte) []byte {
	out := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3} // deflate, no name, no time, Unix
	const most = 65535
	for rest := b; ; {
		n := min(len(rest), most)
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
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(b))
	return binary.LittleEndian.AppendUint32(out, uint32(len(b)))
}
