package hostfiles

import (
	"fmt"

	"github.com/bayplan/bayplan/runner"
)

// Size gives the size of a regular file in bytes. It gives an error for anything
// that is not a regular file.
func Size(w runner.World, path string) (int64, error) {
	fi, err := w.Stat(path)
	switch {
	case err != nil:
		return 0, err
	case !fi.Mode().IsRegular():
		return 0, fmt.Errorf("%s is not a regular file", path)
	}
	return fi.Size(), nil
}
