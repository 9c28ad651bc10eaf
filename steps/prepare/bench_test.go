package prepare

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/runner"
)

// prepareProgress counts the items done.
type prepareProgress struct{ done int }

func (p *prepareProgress) Add(int64)        {}
func (p *prepareProgress) Done(runner.Item) { p.done++ }

func prepareApply(t *testing.T, c *runner.Change) int {
	t.Helper()
	if c == nil {
		t.Fatal("nothing to apply")
	}
	var progress prepareProgress
	if _, err := c.Apply(t.Context(), &progress); err != nil {
		t.Fatal(err)
	}
	return progress.done
}

func prepareDiff(t *testing.T, p *prepare, w runner.World) *runner.Finding {
	t.Helper()
	finding, err := p.Diff(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return finding
}

func prepareWantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error lacks %q:\n%v", w, err)
		}
	}
}

func prepareRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(text)) + "\n"
}

func prepareWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
