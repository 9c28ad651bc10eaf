package rehearse

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/revision"
	"github.com/bayplan/bayplan/internal/human"
)

// A folder is where the files of a plan lie. Those of a plan of an earlier revision lie at
// another place than its paths mean. The zero folder is for a plan that is where it belongs.
type folder struct {
	disk  string // absolute: where the files are
	means string // absolute: where they are meant to be

	revision *revision.Files // or nil
}

// real gives the path that is meant by a path on the disk.
func (f folder) real(path string) string {
	if f.disk == "" || !within(path, f.disk) {
		return path
	}
	return filepath.Join(f.means, path[len(f.disk):])
}

// onDisk gives where the file is that a path means. One that is not there has its place among
// the plan's present files.
func (f folder) onDisk(real string) string {
	switch {
	case f.revision != nil:
		return f.revision.Place(real)
	case f.disk == "" || !within(real, f.means):
		return real
	}
	at := filepath.Join(f.disk, real[len(f.means):])
	if _, err := os.Stat(at); err != nil {
		return real
	}
	return at
}

// locate gives where the file is that a path means which a command line or a plan names.
func (f folder) locate(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil || f.disk == "" {
		return path
	}
	return f.onDisk(f.real(abs))
}

// maxLinks is how many links may lead to a file.
const maxLinks = 40

// leaves reports whether the way from a directory to a path below it goes over a link that names an
// absolute path outside the directory. As with the paths of a plan, only a relative link means
// what the plan's folder came with.
func leaves(dir, path string, links int) bool {
	rel, err := filepath.Rel(dir, path)
	if err != nil || links == 0 {
		return true
	}
	at := dir
	for part := range strings.SplitSeq(rel, "/") {
		at = filepath.Join(at, part)
		to, err := os.Readlink(at)
		switch {
		case err != nil || part == "..":
			continue // no link, or above the directory
		case !filepath.IsAbs(to):
			to = filepath.Join(filepath.Dir(at), to)
		case !within(to, dir):
			return true
		}
		if at = to; leaves(dir, to, links-1) {
			return true
		}
	}
	return false
}

// A copier copies a file, or a directory with all that is in it. It follows links.
type copier struct {
	dir  string // links that leave it are left out; "": none is
	left int64  // bytes that files may have
	into map[string]bool
}

func (c *copier) copy(from, to string) error {
	if c.dir != "" && leaves(c.dir, from, maxLinks) {
		return nil
	}
	fi, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist): // a link to nothing
		return nil
	case err != nil:
		return err
	case fi.IsDir():
		return c.copyDir(from, to)
	case !fi.Mode().IsRegular():
		return nil
	}
	if c.left -= fi.Size(); c.left < 0 {
		return fmt.Errorf("there are more than %s of files", human.Size(maxOwn))
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return write(to, content)
}

func (c *copier) copyDir(from, to string) error {
	real, err := filepath.EvalSymlinks(from)
	if err != nil || c.into[real] { // a link to a directory that it lies in
		return err
	}
	if c.into == nil {
		c.into = map[string]bool{}
	}
	c.into[real] = true
	defer delete(c.into, real)
	entries, err := os.ReadDir(real)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		if err := c.copy(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
