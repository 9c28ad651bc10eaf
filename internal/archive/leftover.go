package archive

import (
	"errors"
	"io/fs"
	"os"
)

// Clear removes what a killed process has left of the archive of a source, for
// those to whom nothing is left to unpack. That there is nothing is fine.
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
