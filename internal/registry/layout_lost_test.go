package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// What another process has removed from a layout since the plan was made lets an
// image fail that needs it.
func TestLayoutLosesABlob(t *testing.T) {
	src, _, c := pair(t)
	shared := random(1, 5000)
	src.image(t, "ns/a", "1", nil, shared)
	src.image(t, "ns/a", "2", nil, shared)
	path := filepath.Join(t.TempDir(), "media")
	images := toLayout([]Image{{Source: srcHost + "/ns/a:1"}, {Source: srcHost + "/ns/a:2"}}, path)
	execute(t, c, images[:1])
	table := plan(t, c, images)
	if err := os.Remove(filepath.Join(path, "blobs", "sha256", digest.FromBytes(shared).Encoded())); err != nil {
		t.Fatal(err)
	}
	err := c.Execute(t.Context(), table, Options{})
	if err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("the image without its blob: %v", err)
	}
	execute(t, c, images)
	sound(t, path)
}
