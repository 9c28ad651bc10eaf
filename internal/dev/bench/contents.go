package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/dev/bench/wire"
)

// contents describes the set that the source registry holds. It is saved in a
// file beside the registry.
type contents struct {
	Version    string
	Images     []entry
	Blobs      int   // number of different blobs
	References int   // number of references from images to blobs
	Unique     int64 // bytes of the different blobs
	Logical    int64 // bytes of all images, shared blobs counted each time
}

// An entry is one image of the list that every tool gets.
type entry struct {
	Repository, Tag, Digest string
}

func (e entry) nameAt(host string) string { return host + "/" + e.Repository + ":" + e.Tag }

// count fills in the sums.
func (c *contents) count(manifests []manifest) {
	seen := map[string]bool{}
	for _, m := range manifests {
		for _, d := range m.blobs() {
			c.References++
			c.Logical += d.Size
			if !seen[d.Digest] {
				seen[d.Digest] = true
				c.Blobs++
				c.Unique += d.Size
			}
		}
	}
}

func (c *contents) save(path string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	next := path + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func loadContents(path string) (*contents, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &contents{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.Version != setVersion || len(c.Images) == 0 {
		return nil, fmt.Errorf("%s: it is of version %q with %d images", path, c.Version, len(c.Images))
	}
	return c, nil
}

func contentsFile(dir string) string { return filepath.Join(dir, "set.json") }

// checkImages checks that a registry has all images.
func checkImages(ctx context.Context, host string, images []entry) error {
	c := wire.New(host, 1)
	for _, e := range images {
		switch have, err := c.Head(ctx, e.Repository, e.Tag); {
		case err != nil:
			return err
		case have != e.Digest:
			return fmt.Errorf("%s is %q there, not %s", e.nameAt(host), have, e.Digest)
		}
	}
	return nil
}
