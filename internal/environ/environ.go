// Package environ reads the environment of a process as a list of NAME=VALUE. It does not know
// what the variables mean.
package environ

import (
	"slices"
	"strings"
)

// Variables are the variables of an environment, NAME=VALUE each, as os.Environ returns them.
type Variables []string

// Get returns the value of a variable, "" for none. The last one counts, as in a shell.
func (v Variables) Get(name string) string {
	for _, line := range slices.Backward(v) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}
