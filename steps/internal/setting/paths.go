package setting

import (
	"path/filepath"

	"github.com/bayplan/bayplan/plan"
)

// Paths gives paths as clean text, without those that are not known yet.
func Paths(paths []plan.Path) []string {
	var out []string
	for _, p := range paths {
		if p != "" {
			out = append(out, filepath.Clean(string(p)))
		}
	}
	return out
}
