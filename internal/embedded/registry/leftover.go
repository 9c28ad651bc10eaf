package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// removeLeftovers removes the temporary files that a process that was killed
// has left in its repositories. Nobody else writes to them: the directory is
// locked.
func removeLeftovers(root string) error {
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !e.IsDir():
			return nil
		case e.Name() == blobsDir:
			return fs.SkipDir
		}
		return tidy(path)
	})
	if err != nil {
		return fmt.Errorf("removing what interrupted pushes left: %w", err)
	}
	return nil
}

// tidy removes what was left in one directory, if it is a repository.
func tidy(repo string) error {
	if _, err := os.Stat(filepath.Join(repo, "oci-layout")); err != nil {
		return nil
	}
	for _, pattern := range []string{"index.json.*", filepath.Join("_uploads", "upload.*")} {
		// Repositories' names hold none of the pattern's special characters, but
		// the directory's may, so only what is below it is matched.
		left, err := fs.Glob(os.DirFS(repo), filepath.ToSlash(pattern))
		if err != nil {
			return err
		}
		for _, name := range left {
			if err := os.Remove(filepath.Join(repo, filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
