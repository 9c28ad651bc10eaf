// Package hostdisk is the disk of the host, with the digests of its files: each is hashed
// once, and remembered as long as its device, inode, size and times stay. It knows nothing
// of steps.
package hostdisk

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/textfile"
)

// A Disk is the disk as it is. Its zero value is ready for use. Many goroutines may
// use it at once.
type Disk struct {
	sums sumCache
}

// Open opens a file for reading.
func (d *Disk) Open(path string) (io.ReadCloser, error) { return textfile.OpenRegular(path) }

// Meaning returns the text.
func (d *Disk) Meaning(text string) string { return text }

// Stat follows symbolic links.
func (d *Disk) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// ReadDir returns the names in a directory, sorted.
func (d *Disk) ReadDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// Sum hashes a file, or recalls its digests if its device, inode, size and times are
// as they were when it was hashed.
func (d *Disk) Sum(ctx context.Context, path string, algos ...Algo) (map[Algo]string, error) {
	return d.sums.sum(ctx, path, algos, false)
}

// Hard returns the same disk, but hashes every file anew and recalls nothing.
func (d *Disk) Hard() Hard { return Hard{d} }

// A Hard is a Disk that hashes every file anew.
type Hard struct{ *Disk }

// Sum hashes a file, and remembers its digests for the Disk.
func (d Hard) Sum(ctx context.Context, path string, algos ...Algo) (map[Algo]string, error) {
	return d.sums.sum(ctx, path, algos, true)
}

// Recall returns the digests of a file that are remembered, and whether these are all that
// are asked for. It hashes nothing.
func (d *Disk) Recall(path string, algos ...Algo) (map[Algo]string, bool) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, false
	}
	known := d.sums.recall(path, fileStatOf(fi))
	return Pick(known, algos), len(Missing(known, algos)) == 0
}

// Remember keeps digests of a file that the caller has computed. id identifies the file at
// the moment from which they hold: they are kept only if the file is still the same and a
// write since then would show in its times. Other digests that are known of it stay.
func (d *Disk) Remember(path string, id FileID, sums map[Algo]string) {
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() || fileStatOf(fi) != id.stat || !id.stat.writeWouldShow(id.at) {
		return
	}
	known := d.sums.recall(path, id.stat)
	maps.Copy(known, sums)
	d.sums.remember(path, sumEntry{id.stat, known})
}

// Recall recalls nothing.
func (d Hard) Recall(string, ...Algo) (map[Algo]string, bool) { return nil, false }

// Load reads what an earlier run remembered. It ignores a file that it cannot read, since
// the digests can be computed again.
func (d *Disk) Load(file string) { d.sums.load(file) }

// Save writes what is remembered, if anything is new. It leaves out files that are gone.
func (d *Disk) Save(file string) error { return d.sums.save(file) }

// regular returns an error for what cannot be hashed. It must be called before the
// file is opened, since opening a pipe would block.
func regular(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("hash %s: not a regular file (%s)", path, fi.Mode().Type())
	}
	return nil
}

// Resolve gives the path that links on the way to a file lead to, as far as it is there.
func Resolve(file string) string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil || abs == filepath.Dir(abs) {
		return real
	}
	return filepath.Join(Resolve(filepath.Dir(abs)), filepath.Base(abs))
}
