package hostdisk

import "syscall"

// ctime returns when a file's inode was last changed, in nanoseconds.
func ctime(st *syscall.Stat_t) int64 { return st.Ctimespec.Nano() }
