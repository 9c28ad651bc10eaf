package hostfiles

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/bayplan/bayplan/internal/fault"
)

// Unreadable adds to an error which file of the plan could not be read. what says
// what the file holds: "images" gives "images file PATH".
func Unreadable(what, path string, err error) error {
	return FileError(what+" file "+path, err)
}

// FileError adds to an error the name of a file or directory of the plan, so that
// the text has the name once. what is that name.
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
