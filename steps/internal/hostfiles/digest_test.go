package hostfiles

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/runner"
)

// A large file is not read only to show its digest; one that is remembered is shown.
func TestShown(t *testing.T) {
	c, dir := copyOf(t, "new")
	small := filepath.Join(dir, "small")
	for file, size := range map[string]int64{small: 3, c.To: maxShown + 1} {
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, size); err != nil { // a hole takes no room
			t.Fatal(err)
		}
	}
	w := &runner.Disk{}
	shown := func(path string) string {
		t.Helper()
		sum, err := Shown(t.Context(), w, path, runner.SHA512)
		if err != nil {
			t.Error(err)
		}
		return sum
	}
	if got := shown(small); len(got) != 128 {
		t.Errorf("a small file: %q", got)
	}
	if got := shown(filepath.Join(dir, "none")); got != "" {
		t.Errorf("no file: %q", got)
	}
	if got := shown(c.To); got != "" {
		t.Errorf("a large file: %q", got)
	}
	if err := c.compare(t.Context(), w); err != nil || c.Op != runner.Replace || !strings.HasSuffix(c.Item().Note, "; it has 16.0 MiB") || c.Item().From != "" {
		t.Errorf("%+v, %v", c.Item(), err)
	}
	if _, err := w.Sum(t.Context(), c.To, runner.SHA512); err != nil {
		t.Fatal(err)
	}
	sums, remembered := w.Recall(c.To, runner.SHA512)
	if got := shown(c.To); remembered && got != sums[runner.SHA512] {
		t.Errorf("a remembered file: %q", got)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Shown(ended, w, filepath.Join(dir, "none"), runner.SHA512); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
