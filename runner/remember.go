package runner

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// A Rememberer is a World that takes digests from a step that has computed
// them anyway, while it read a file or wrote one, so that nobody reads the
// file for them again. Not every World is one.
type Rememberer interface {
	// Recall gives what is remembered of the file at path as it is now. It
	// reads nothing of it; ok is false when one of the digests is not known.
	Recall(path string, algos ...Algo) (sums map[Algo]string, ok bool)

	// Remember keeps the digests of the file at path, if it is still the one
	// that was seen when they began to hold.
	Remember(path string, seen Sight, sums map[Algo]string)
}

// A Sight is how a file was at a moment.
type Sight struct {
	id fileID
	at time.Time
}

// See gives the sight of a file that was looked at just now.
func See(fi fs.FileInfo) Sight { return Sight{identityOf(fi), time.Now()} }

// Is says whether the file is still the one that was seen.
func (s Sight) Is(fi fs.FileInfo) bool { return identityOf(fi) == s.id }

// Key gives a text that is another one when the file is. It is "" for a file
// that may have been written to since without a trace.
func (s Sight) Key() string {
	if !s.id.settled(s.at) {
		return ""
	}
	return fmt.Sprintf("%+v", s.id)
}

// Recall gives the digests that are remembered of a file.
func (d *Disk) Recall(path string, algos ...Algo) (map[Algo]string, bool) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, false
	}
	known := d.sums.recall(path, identityOf(fi))
	return pick(known, algos), len(missing(known, algos)) == 0
}

// Remember keeps the digests of a file, besides those that are known of it.
func (d *Disk) Remember(path string, seen Sight, sums map[Algo]string) {
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() || identityOf(fi) != seen.id || !seen.id.written(seen.at) {
		return
	}
	known := d.sums.recall(path, seen.id)
	maps.Copy(known, sums)
	d.sums.remember(path, sumEntry{seen.id, known})
}

// Recall gives nothing: who wants to look hard does not want to be reminded.
func (d hardDisk) Recall(string, ...Algo) (map[Algo]string, bool) { return nil, false }

// Recall gives nothing of a planned file, which is not there yet.
func (p planned) Recall(path string, algos ...Algo) (map[Algo]string, bool) {
	r, ok := p.World.(Rememberer)
	if !ok || p.shows(path) {
		return nil, false
	}
	return r.Recall(path, algos...)
}

// Remember keeps nothing of a planned file.
func (p planned) Remember(path string, seen Sight, sums map[Algo]string) {
	if r, ok := p.World.(Rememberer); ok && !p.shows(path) {
		r.Remember(path, seen, sums)
	}
}

// shows says whether the file at path is or lies below a planned one.
func (p planned) shows(path string) bool {
	clean := filepath.Clean(path)
	return p.files[clean] != nil || p.dirs[clean] || p.belowFile(clean)
}
