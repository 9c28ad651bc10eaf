package behind

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// mostCompared is how many files below a directory are compared.
const mostCompared = 20_000

// filesBelow gives the paths of the files below two directories, relative to these: of files and of
// links to files. There are none where nothing is, or a file.
func filesBelow(dirs ...string) ([]string, error) {
	names := map[string]bool{}
	for _, dir := range dirs {
		root, err := filepath.EvalSymlinks(dir)
		if err != nil {
			continue // that it is not there, or cannot be read, is told
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path == root {
				return err
			}
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				return nil // a link to nothing, or to a directory
			}
			name, err := filepath.Rel(root, path)
			if names[name] = true; len(names) > mostCompared {
				return fmt.Errorf("there are more than %d files", mostCompared)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}
