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

// env makes an environment file of a template tree from the lines of its registry.
func env(lines ...string) string {
	text := "resource_registry:\n"
	for _, line := range lines {
		text += "  OS::TripleO::Services::" + line + "\n"
	}
	return text
}

// selectFrom selects images with files in memory.
func selectFrom(t *testing.T, f files, req tripleo.Request) *tripleo.Selection {
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

// names returns the paths, sorted.
func (f files) names() []string { return slices.Sorted(maps.Keys(f)) }

// sorted returns a sorted copy.
func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }
