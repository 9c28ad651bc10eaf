package durable_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/durable"
)

// A file system that makes no directories, or that answers oddly, gives an error at once.
func TestMkdirAllElsewhere(t *testing.T) {
	for _, dir := range []string{"/proc", "/proc/self", "/proc/self/fd", "/sys", "/sys/kernel", "/dev/full", "/dev/null"} {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		path := filepath.Join(dir, "bayplan-test", "below")
		made, err := durable.MkdirAll(path, 0o700)
		if err == nil || len(made) > 0 || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: made %v, error %v", path, made, err)
		}
		if err := durable.WriteBytes(filepath.Join(dir, "bayplan-test"), 0o600, nil); err == nil {
			t.Errorf("%s: written", dir)
		}
	}
}
