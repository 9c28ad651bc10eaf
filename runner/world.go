package runner

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"

	"github.com/bayplan/bayplan/internal/textfile"
)

// A Disk is the World as it is. Its zero value is ready for use. Many goroutines may
// use it at once.
type Disk struct {
	sums sumCache
}

// Open opens a file for reading.
func (d *Disk) Open(path string) (io.ReadCloser, error) { return textfile.OpenRegular(path) }

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

// Hard returns the same disk as a World that hashes every file anew and recalls nothing.
func (d *Disk) Hard() World { return hardDisk{d} }

type hardDisk struct{ *Disk }

func (d hardDisk) Sum(ctx context.Context, path string, algos ...Algo) (map[Algo]string, error) {
	return d.sums.sum(ctx, path, algos, true)
}

// Recall implements World.
func (d *Disk) Recall(path string, algos ...Algo) (map[Algo]string, bool) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, false
	}
	known := d.sums.recall(path, fileStatOf(fi))
	return pick(known, algos), len(missing(known, algos)) == 0
}

// Remember implements World. It keeps the other digests that are known of the file.
func (d *Disk) Remember(path string, id FileID, sums map[Algo]string) {
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() || fileStatOf(fi) != id.stat || !id.stat.writeWouldShow(id.at) {
		return
	}
	known := d.sums.recall(path, id.stat)
	maps.Copy(known, sums)
	d.sums.remember(path, sumEntry{id.stat, known})
}

// Recall recalls nothing: a Verify does not rely on memory.
func (d hardDisk) Recall(string, ...Algo) (map[Algo]string, bool) { return nil, false }

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
