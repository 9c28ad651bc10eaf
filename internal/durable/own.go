package durable

import (
	"io/fs"
	"os"
	"syscall"
)

// Own reports whether a file or directory is one that an earlier process of this
// user may have left: the user owns it, and a file has no second name. Where
// several users may write into a directory, another one can put a file there in
// advance, under the name of a leftover, and keep it open.
func Own(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int64(st.Uid) == int64(os.Geteuid()) && (fi.IsDir() || st.Nlink == 1)
}

// OwnAlone is Own for what no other user may write to, either.
func OwnAlone(fi fs.FileInfo) bool { return Own(fi) && fi.Mode().Perm()&0o022 == 0 }
