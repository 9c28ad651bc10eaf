package standin

import (
	"bytes"
	"fmt"

	"github.com/bayplan/bayplan/internal/storedgzip"
)

// Initramfs returns an initial file system for a kernel, of a little more than n
// bytes: a cpio archive in newc format inside gzip.
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
	return storedgzip.Pack(b.Bytes())
}

// Modes of cpio entries, including the file types.
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

// pad returns the number of bytes from n to the next multiple of unit.
func pad(n, unit int) int { return (unit - n%unit) % unit }
