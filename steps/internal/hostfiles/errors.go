package hostfiles

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/bayplan/bayplan/internal/fault"
)

// Unreadable says which file of the plan could not be read. what is what the file
// holds, as in "images file".
func Unreadable(what, path string, err error) error {
	return FileError(what+" file "+path, err)
}

// FileError says what is wrong with a file or directory of the plan and names it
// once. what names it.
func FileError(what string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	err = fmt.Errorf("%s: %w", what, err)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.WithHint(err, "every file that the plan names must be there")
	}
	return err
}
