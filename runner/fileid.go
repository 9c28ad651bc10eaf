package runner

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// A FileID identifies a file with its content, as it was at a moment: by its device,
// inode, size and times.
type FileID struct {
	id fileID
	at time.Time
}

// Identify gives the identity of a file that was looked at just now.
func Identify(fi fs.FileInfo) FileID { return FileID{identityOf(fi), time.Now()} }

// Is reports whether the file is still the one that was identified.
func (f FileID) Is(fi fs.FileInfo) bool { return identityOf(fi) == f.id }

// Key gives a text that differs for every other file. It is "" for a file that may
// have been written to since without a trace.
func (f FileID) Key() string {
	if !f.id.settled(f.at) {
		return ""
	}
	return fmt.Sprintf("%+v", f.id)
}

// A fileID changes when a file's content does, but for changes within one tick
// of the file system's clock.
type fileID struct {
	Dev   uint64 `json:"dev"`
	Inode uint64 `json:"inode"`
	Size  int64  `json:"size"`
	Mtime int64  `json:"mtime"` // nanoseconds
	Ctime int64  `json:"ctime"` // nanoseconds
}

// identify gives what tells an open file from what it was before.
func identify(file *os.File) (fileID, error) {
	fi, err := file.Stat()
	if err != nil {
		return fileID{}, err
	}
	return identityOf(fi), nil
}

func identityOf(fi fs.FileInfo) fileID {
	id := fileID{Size: fi.Size(), Mtime: fi.ModTime().UnixNano()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		id.Dev, id.Inode, id.Ctime = uint64(st.Dev), st.Ino, ctime(st) //nolint:unconvert // other widths elsewhere
	}
	return id
}

// settled says whether a change after began would show in the file's times: it
// was last touched longer ago than its file system's clock ticks. Times in the
// future are never settled.
func (id fileID) settled(began time.Time) bool {
	return max(id.Mtime, id.Ctime)+id.tick() < began.UnixNano()
}

// written says whether the file was last written to so long ago that a write
// after at would show. It may have got its name just now.
func (id fileID) written(at time.Time) bool { return id.Mtime+id.tick() < at.UnixNano() }

// tick is, with room to spare, how far the clock of the file system goes at once.
func (id fileID) tick() int64 {
	if id.Mtime%int64(time.Second) == 0 && id.Ctime%int64(time.Second) == 0 {
		return int64(2 * time.Second) // it counts in seconds
	}
	return int64(50 * time.Millisecond)
}
