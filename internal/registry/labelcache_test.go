package registry

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registry/labelcache"
)

// A later run asks for the digest alone, and for all when the tag has moved.
func TestLabelsAreRecalled(t *testing.T) {
	src, _, c := pair(t)
	src.image(t, "ns/app", "1", map[string]string{"version": "13.0"}, random(1, 100))
	file := filepath.Join(t.TempDir(), "labels.json")
	labels := func(c *Client, want map[string]string, requests int) {
		t.Helper()
		src.reset()
		got, _, err := c.Labels(t.Context(), srcHost+"/ns/app:1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
		if n := src.total(); n != requests {
			t.Errorf("%d requests, want %d: %v", n, requests, src.counts)
		}
	}
	labels(c, map[string]string{"version": "13.0"}, 2)
	if err := c.SaveLabels(file); err != nil {
		t.Fatal(err)
	}
	c.labels = labelcache.New()
	if err := c.LoadLabels(file); err != nil {
		t.Fatal(err)
	}
	labels(c, map[string]string{"version": "13.0"}, 1)
	src.image(t, "ns/app", "1", map[string]string{"version": "13.1"}, random(2, 100))
	labels(c, map[string]string{"version": "13.1"}, 3)
}

func TestLabelsFile(t *testing.T) {
	_, _, c := pair(t)
	file := filepath.Join(t.TempDir(), "labels.json")
	if err := c.LoadLabels(file); err != nil {
		t.Errorf("a missing file: %v", err)
	}
	if err := c.SaveLabels(file); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("nothing was learned, and a file was written all the same")
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.LoadLabels(file); err != nil || c.labels.IsRecalled() {
		t.Errorf("a damaged file: %v", err)
	}
}
