package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// replace puts other output behind a command. It leaves the numbers of lines alone until
// update, which puts the page together.
func (p *page) replace(step transcript, output string) {
	if step.from == step.to {
		p.lines[step.from-1] += "\n" + strings.TrimSuffix(output, "\n")
		return
	}
	p.lines[step.from] = strings.TrimSuffix(output, "\n")
	for i := step.from + 1; i < step.to; i++ {
		p.lines[i] = removed
	}
}

// removed stands for a line that is not written.
const removed = "\x00"

// update writes a page again if UPDATE_DOCS is set.
func (p *page) update(t *testing.T, steps []transcript) {
	t.Helper()
	if os.Getenv("UPDATE_DOCS") == "" || len(steps) == 0 {
		return
	}
	var text strings.Builder
	for _, line := range p.lines {
		if line != removed {
			text.WriteString(line + "\n")
		}
	}
	if err := os.WriteFile(filepath.Join(root, p.name), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
