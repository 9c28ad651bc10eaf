// Package trees copies files and directories of a plan's folder, and follows the links in them. It
// does not know what the files are for.
package trees

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/pathindex"
)

// maxLinks is how many links may lead to a file.
const maxLinks = 40

// Leaves reports whether a path leads out of a directory over links, or round in a circle. What is not
// there lies where it would be made.
func Leaves(dir, path string) bool {
	home, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return true
	}
	at, links := "/", 0
	for todo := split(path); len(todo) > 0; {
		next := filepath.Join(at, todo[0])
		todo = todo[1:]
		to, err := os.Readlink(next)
		if err != nil { // no link
			at = next
			continue
		}
		if links++; links > maxLinks {
			return true
		}
		if filepath.IsAbs(to) {
			at = "/"
		}
		todo = append(split(to), todo...)
	}
	return !pathindex.Within(at, home)
}

// split gives the parts of a path as they are: ".." may follow a link.
func split(path string) []string { return strings.Split(path, "/") }

// maxEntries is how many files and directories are copied at most: links to links make many of a few.
const maxEntries = 20_000

// Copy copies a file, or a directory with all that is in it, and follows links. Links that leave the
// directory dir are left out, unless it is "". The files may have most bytes, and may be 20,000 with
// their directories; with 0 for most they may be any number of any size.
func Copy(from, to, dir string, most int64) error {
	c := copier{dir: dir, most: most, entries: maxEntries, into: map[string]bool{}}
	return c.copy(from, to)
}

type copier struct {
	dir     string
	most    int64           // bytes, 0 for no bounds
	entries int             // at most
	bytes   int64           // copied
	copied  int             // files and directories
	into    map[string]bool // directories that are being copied
}

func (c *copier) copy(from, to string) error {
	if c.copied++; c.most > 0 && c.copied > c.entries {
		return fmt.Errorf("there are more than %d files and directories", c.entries)
	}
	if c.dir != "" && Leaves(c.dir, from) {
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
	if c.bytes += fi.Size(); c.most > 0 && c.bytes > c.most {
		return fmt.Errorf("there are more than %s of files", human.Size(c.most))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return copyFile(from, to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func (c *copier) copyDir(from, to string) error {
	real, err := filepath.EvalSymlinks(from)
	if err != nil || c.into[real] { // a link to a directory that it lies in
		return err
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

// Append damages a file: it adds some bytes to the end of a file.
func Append(file string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("damaged\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
