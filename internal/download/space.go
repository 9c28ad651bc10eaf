package download

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// CheckSpace tells beforehand that so many more bytes will not fit into a
// directory.
func CheckSpace(dir string, need int64) error {
	free, known := durable.FreeSpace(dir)
	if !known || need <= max(free, 0) {
		return nil // not known: then writing will tell
	}
	return explainFull(&fullError{dir: dir, need: need, free: free})
}

// A fullError tells that there is too little room.
type fullError struct {
	dir        string
	need, free int64
}

func (e *fullError) Error() string {
	return fmt.Sprintf("%s has %d bytes free, the file takes %d more", e.dir, e.free, e.need)
}

// Unwrap makes it what writing on would have ended in.
func (e *fullError) Unwrap() error { return syscall.ENOSPC }

func explainFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.WithHint(err, "make room, or fetch it to somewhere else")
	}
	return err
}
