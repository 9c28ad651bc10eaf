// Package labelcache remembers the labels of images by the digest of the manifest, also
// from run to run. It knows no registry.
package labelcache

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"sync"

	"github.com/bayplan/bayplan/internal/durable"
)

// A Cache holds labels. Digests never change their meaning, so nothing is forgotten.
type Cache struct {
	mu       sync.Mutex // several images are looked up at a time
	byDigest map[string]map[string]string
	recalled bool // some are from an earlier run
	grown    bool // labels were added since they were loaded
}

// New returns an empty Cache.
func New() *Cache {
	return &Cache{byDigest: map[string]map[string]string{}}
}

// IsRecalled says whether the cache may know what this run asks for.
func (c *Cache) IsRecalled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recalled
}

// Get gives the labels of the image whose manifest has a digest.
func (c *Cache) Get(digest string) (map[string]string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	labels, ok := c.byDigest[digest]
	return maps.Clone(labels), ok
}

// Put keeps the labels of an image.
func (c *Cache) Put(digest string, labels map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byDigest[digest], c.grown = maps.Clone(labels), true
}

// Load reads a file of Save. A missing or damaged file counts as empty.
func (c *Cache) Load(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the labels that are known: %w", err)
	}
	known := map[string]map[string]string{}
	if json.Unmarshal(text, &known) != nil {
		return nil // it is only a cache
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(c.byDigest, known)
	c.recalled = len(known) > 0
	return nil
}

// Save writes new labels to a file, if there are any.
func (c *Cache) Save(file string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.grown {
		return nil
	}
	text, err := json.Marshal(c.byDigest)
	if err == nil {
		err = durable.WriteBytes(file, 0o600, text)
	}
	if err != nil {
		return fmt.Errorf("keep the labels that are known: %w", err)
	}
	c.grown = false
	return nil
}
