package archive

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriteback asks the kernel to write n bytes of f to the disk now, while
// unpacking goes on. This shortens the sync at the end; errors do not matter.
func startWriteback(f *os.File, from, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), from, n, unix.SYNC_FILE_RANGE_WRITE)
}
