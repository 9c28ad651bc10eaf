package glanceupload

import (
	"io/fs"
	"syscall"
)

// blocks gives how many sectors a file takes.
func blocks(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Blocks
	}
	return 0
}
