package plan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Path is a file name in a plan. Decoding makes it absolute: a leading ~ means
// the home directory, and a relative path starts at the plan file's directory.
type Path string

// resolvePath returns the absolute and clean form of a file name. Relative names
// start at dir.
func resolvePath(dir, name string) (Path, error) {
	if strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("a file name cannot hold a NUL character")
	}
	rest, home := strings.CutPrefix(name, "~")
	switch {
	case name == "":
		return "", nil
	case home && (rest == "" || rest[0] == '/'):
		base, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("resolving ~: %w", err)
		}
		return Path(filepath.Join(base, rest)), nil
	case filepath.IsAbs(name):
		return Path(filepath.Clean(name)), nil
	}
	return Path(filepath.Join(dir, name)), nil
}
