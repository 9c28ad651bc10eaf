package setting

import (
	"fmt"
	"io/fs"
	"strconv"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

var modePattern = lazyregexp.New(`^0[0-7]{3}$`)

// CheckMode checks permissions, which are four octal digits. An empty text is not
// set and passes.
func CheckMode(mode string) error {
	if mode == "" || modePattern.MatchString(mode) {
		return nil
	}
	return fault.WithHint(fmt.Errorf("%q is not a mode", mode), `write four octal digits in quotes, such as "0755"`)
}

// Mode gives the permissions that a text stands for, or unset for an empty text.
func Mode(text string, unset fs.FileMode) fs.FileMode {
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil {
		return unset
	}
	return fs.FileMode(mode)
}
