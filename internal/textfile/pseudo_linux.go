package textfile

import (
	"os"
	"slices"
	"syscall"
)

// pseudoFilesystems are those whose files the kernel makes when they are read, by their numbers in
// linux/magic.h: proc, sysfs, debugfs, tracefs, cgroup, cgroup2, securityfs and bpf. Their sizes say
// nothing, and reading some of them never ends.
var pseudoFilesystems = [...]uint32{0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x27e0eb, 0x63677270, 0x73636673, 0xcafe4a11}

// isPseudo reports whether the kernel makes a file when it is read.
func isPseudo(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	pseudo := false
	err = conn.Control(func(fd uintptr) {
		var fs syscall.Statfs_t
		err := syscall.Fstatfs(int(fd), &fs)
		pseudo = err == nil && slices.Contains(pseudoFilesystems[:], uint32(fs.Type)) //nolint:gosec // the numbers have 32 bits
	})
	return err == nil && pseudo
}
