package ocilayout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// errIrregular says that something in a layout is not a regular file.
var errIrregular = errors.New("not a file of a layout")

// openRegular opens a regular file without waiting on a pipe. With exact it
// does not follow a link at the end of the path, and a path below a file does
// not exist.
func openRegular(path string, exact bool) (*os.File, fs.FileInfo, error) {
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if exact {
		flags |= syscall.O_NOFOLLOW
	}
	f, err := os.OpenFile(path, flags, 0)
	if exact && errors.Is(err, syscall.ENOTDIR) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w: it is not a regular file", path, errIrregular)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, fi, nil
}

// readRegular reads a file of a shared layout with at most so many bytes.
func readRegular(path string, most int64) ([]byte, error) {
	f, _, err := openRegular(path, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s: %w: more than %d bytes are too much", path, errIrregular, most)
	}
	return text, err
}

// ReadIndex reads the index.json of a layout that only one process writes.
func ReadIndex(path string) (*layoutindex.Index, error) {
	f, _, err := openRegular(path, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return layoutindex.Parse(text, path)
}
