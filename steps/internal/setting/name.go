package setting

import (
	"fmt"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

var plainName = lazyregexp.New(`^[A-Za-z0-9_-][A-Za-z0-9._+-]*$`)

// IsPlainName reports whether a name is safe as a file name in any directory. It
// has letters, digits and . _ + - only, and does not begin with a dot or a plus.
func IsPlainName(name string) bool { return plainName.MatchString(name) }

// CheckPlainName gives an error for a name that is not plain. An empty one is not
// set and passes.
func CheckPlainName(name string) error {
	if name == "" || IsPlainName(name) {
		return nil
	}
	return fmt.Errorf("%q is not a plain file name", name)
}
