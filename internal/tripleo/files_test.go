package tripleo_test

import (
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// files are files in memory.
type files map[string]string

func (f files) open(path string) (io.ReadCloser, error) {
	text, ok := f[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// env makes a template tree's environment file of the lines of its registry.
func env(lines ...string) string {
	text := "resource_registry:\n"
	for _, line := range lines {
		text += "  OS::TripleO::Services::" + line + "\n"
	}
	return text
}

// from selects with files in memory; the environments are read in their order.
func from(t *testing.T, f files, req tripleo.Request) *tripleo.Selection {
	t.Helper()
	if req.Release == "" {
		req.Release = "queens"
	}
	s, err := tripleo.Select(req, f.open)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// names gives the paths, sorted.
func (f files) names() []string { return slices.Sorted(maps.Keys(f)) }

// sorted gives a sorted copy.
func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }
