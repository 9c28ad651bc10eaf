package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// isExcerpt tells whether a block is a part of a file of the page, or of a plan among the
// examples. How far its lines are indented does not matter.
func (s *script) isExcerpt(t *testing.T, b block) bool {
	t.Helper()
	want := "\n" + unindented(b.text())
	texts := s.files
	for _, pattern := range []string{"examples/*/*.yaml", "examples/*/*/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
		}
	}
	for _, text := range texts {
		if strings.Contains("\n"+unindented(text), want) {
			return true
		}
	}
	return false
}

// unindented gives a text without the blanks around its lines.
func unindented(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.TrimSpace(line) + "\n")
	}
	return out.String()
}
