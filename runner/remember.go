package runner

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
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

// Recall implements World.
func (d *Disk) Recall(path string, algos ...Algo) (map[Algo]string, bool) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, false
	}
	known := d.sums.recall(path, identityOf(fi))
	return pick(known, algos), len(missing(known, algos)) == 0
}

// Remember implements World. Digests that are known of the file stay known.
func (d *Disk) Remember(path string, id FileID, sums map[Algo]string) {
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() || identityOf(fi) != id.id || !id.id.written(id.at) {
		return
	}
	known := d.sums.recall(path, id.id)
	maps.Copy(known, sums)
	d.sums.remember(path, sumEntry{id.id, known})
}

// Recall gives nothing: a hard look does not rely on memory.
func (d hardDisk) Recall(string, ...Algo) (map[Algo]string, bool) { return nil, false }

// Recall gives nothing of a planned file, which is not there yet.
func (p planned) Recall(path string, algos ...Algo) (map[Algo]string, bool) {
	if p.shows(path) {
		return nil, false
	}
	return p.World.Recall(path, algos...)
}

// Remember keeps nothing of a planned file.
func (p planned) Remember(path string, id FileID, sums map[Algo]string) {
	if !p.shows(path) {
		p.World.Remember(path, id, sums)
	}
}

// shows says whether the file at path is or lies below a planned one.
func (p planned) shows(path string) bool {
	clean := filepath.Clean(path)
	return p.files[clean] != nil || p.dirs[clean] || p.belowFile(clean)
}
