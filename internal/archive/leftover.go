package archive

import (
	"errors"
	"io/fs"
	"os"
)

// Clear removes the stage that a killed process has left for a source. It is for
// callers that have nothing to unpack. A missing stage is not an error.
func Clear(root *os.Root, source string) error {
	st, err := openStage(root, StageName(source))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return st.remove()
}
