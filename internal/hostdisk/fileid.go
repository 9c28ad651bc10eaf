package hostdisk

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// A FileID identifies a file and its content at one moment, by device, inode, size
// and times.
type FileID struct {
	stat fileStat
	at   time.Time
}

// Identify returns the identity of a file that was looked at just now.
func Identify(fi fs.FileInfo) FileID { return FileID{fileStatOf(fi), time.Now()} }

// Is reports whether the file is still the one that was identified.
func (f FileID) Is(fi fs.FileInfo) bool { return fileStatOf(fi) == f.stat }

// Key returns a text that is different for every other file. It is "" if a write since
// then might not show in the file's times.
func (f FileID) Key() string {
	if !f.stat.changeWouldShow(f.at) {
		return ""
	}
	return fmt.Sprintf("%+v", f.stat)
}

// A fileStat changes when a file's content does, except for a change within one tick
// of the file system's clock.
type fileStat struct {
	Dev   uint64 `json:"dev"`
	Inode uint64 `json:"inode"`
	Size  int64  `json:"size"`
	Mtime int64  `json:"mtime"` // nanoseconds
	Ctime int64  `json:"ctime"` // nanoseconds
}

// statOpenFile returns the fileStat of an open file.
func statOpenFile(file *os.File) (fileStat, error) {
	fi, err := file.Stat()
	if err != nil {
		return fileStat{}, err
	}
	return fileStatOf(fi), nil
}

func fileStatOf(fi fs.FileInfo) fileStat {
	id := fileStat{Size: fi.Size(), Mtime: fi.ModTime().UnixNano()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		id.Dev, id.Inode, id.Ctime = uint64(st.Dev), st.Ino, ctime(st) //nolint:unconvert // other widths elsewhere
	}
	return id
}

// changeWouldShow reports whether a change after began would show in the file's times:
// the file was last touched longer ago than its file system's clock ticks. If
// a time lies in the future, no change would show.
func (id fileStat) changeWouldShow(began time.Time) bool {
	return max(id.Mtime, id.Ctime)+id.clockTick() < began.UnixNano()
}

// writeWouldShow reports whether a write after at would show in the file's times. Unlike
// changeWouldShow, it allows that the file was renamed just now.
func (id fileStat) writeWouldShow(at time.Time) bool { return id.Mtime+id.clockTick() < at.UnixNano() }

// clockTick is how far the clock of the file system moves at once, with room to spare.
func (id fileStat) clockTick() int64 {
	if id.Mtime%int64(time.Second) == 0 && id.Ctime%int64(time.Second) == 0 {
		return int64(2 * time.Second) // it counts in seconds
	}
	return int64(50 * time.Millisecond)
}
