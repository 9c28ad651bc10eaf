package registry

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/fault"
)

// fits tells before anything is moved when the blobs will not fit on the disks
// of the layouts they go to.
func (c *Client) fits(t *Table) error {
	need := map[string]int64{}
	for _, b := range t.Blobs {
		dir := b.places[0].repo.Path
		if dir == "" || b.here() {
			continue
		}
		if _, known := need[dir]; !known {
			l, _ := c.layouts.at(dir)
			need[dir] = l.spare()
		}
		need[dir] += min(b.Size, 1<<60) // sizes are what manifests say
	}
	for dir, n := range need {
		free, err := freeAt(dir)
		if err != nil || n >= 0 && n <= free {
			continue // not known: then writing will tell
		}
		err = fmt.Errorf("%s: %d bytes are free, the images take %d", dir, free, n)
		return on(destination, fault.WithHint(err, "make room, or let the layout be somewhere else"))
	}
	return nil
}

// freeAt gives the bytes that this user may still write to a directory, which
// need not be there yet.
func freeAt(dir string) (int64, error) {
	for {
		var fs unix.Statfs_t
		err := unix.Statfs(dir, &fs)
		if err == nil {
			return int64(fs.Bavail) * fs.Bsize, nil
		}
		parent := filepath.Dir(dir)
		if err != unix.ENOENT || parent == dir {
			return 0, err
		}
		dir = parent
	}
}
