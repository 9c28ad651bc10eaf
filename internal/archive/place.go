package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// CheckPlaces returns an error if root has a directory where an entry is a file,
// or a link or a file where an entry needs a directory. It never follows links.
func CheckPlaces(root *os.Root, entries []Entry) error {
	checked := map[string]bool{".": true}
	for _, e := range entries {
		dir := path.Dir(e.Name)
		if e.IsDir() {
			dir = e.Name
		}
		if err := checkDirs(root, dir, checked); err != nil {
			return err
		}
		if e.IsDir() {
			continue
		}
		switch fi, err := root.Lstat(e.Name); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !fi.Mode().IsRegular():
			return placeError(root, e.Name, fi, "a file")
		}
	}
	return nil
}

// checkDirs checks a directory and its parents, each once.
func checkDirs(root *os.Root, dir string, checked map[string]bool) error {
	if checked[dir] {
		return nil
	}
	if err := checkDirs(root, path.Dir(dir), checked); err != nil {
		return err
	}
	checked[dir] = true
	fi, err := root.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !fi.IsDir():
		return placeError(root, dir, fi, "a directory")
	}
	return nil
}

func placeError(root *os.Root, name string, fi fs.FileInfo, wanted string) error {
	what := "something else"
	switch {
	case fi.IsDir():
		what = "a directory"
	case fi.Mode()&fs.ModeSymlink != 0:
		what = "a symbolic link"
	case fi.Mode().IsRegular():
		what = "a file"
	}
	full := strings.TrimSuffix(root.Name(), "/") + "/" + name
	err := fmt.Errorf("%q is %s where %s must go", full, what, wanted)
	return fault.WithHint(err, "move it out of the way: it is neither followed nor overwritten")
}
