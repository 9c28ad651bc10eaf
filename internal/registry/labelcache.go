package registry

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

// A labelCache remembers labels by the digest of the manifest. Digests never
// change their meaning, so nothing is forgotten. The mutex is there because
// several images are looked up at a time.
type labelCache struct {
	mu       sync.Mutex
	byDigest map[string]map[string]string
	recalled bool // some are from an earlier run
	grown    bool // labels were added since they were loaded
}

func newLabelCache() *labelCache {
	return &labelCache{byDigest: map[string]map[string]string{}}
}

// isRecalled says whether the cache may know what this run asks for.
func (l *labelCache) isRecalled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recalled
}

func (l *labelCache) get(digest string) (map[string]string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	labels, ok := l.byDigest[digest]
	return maps.Clone(labels), ok
}

func (l *labelCache) put(digest string, labels map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byDigest[digest], l.grown = maps.Clone(labels), true
}

// LoadLabels reads a file of SaveLabels, so that Labels requests only what is
// new. A missing or damaged file counts as empty.
func (c *Client) LoadLabels(file string) error {
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
	c.labels.mu.Lock()
	defer c.labels.mu.Unlock()
	maps.Copy(c.labels.byDigest, known)
	c.labels.recalled = len(known) > 0
	return nil
}

// SaveLabels writes new labels to a file, if there are any.
func (c *Client) SaveLabels(file string) error {
	c.labels.mu.Lock()
	defer c.labels.mu.Unlock()
	if !c.labels.grown {
		return nil
	}
	text, err := json.Marshal(c.labels.byDigest)
	if err == nil {
		err = durable.WriteBytes(file, 0o600, text)
	}
	if err != nil {
		return fmt.Errorf("keep the labels that are known: %w", err)
	}
	c.labels.grown = false
	return nil
}
