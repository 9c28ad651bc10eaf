package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var setting = regexp.MustCompile(`^ +([a-zA-Z_]+):`)

// The CI files of the guide use inputs that the action has, and variables that the include has.
func TestCIFilesOfTheGuide(t *testing.T) {
	checked := 0
	for _, b := range readPage(t, filepath.Join("docs", "guides", "ci.md")).blocks(t) {
		switch b.file {
		case ".github/workflows/plans.yml", ".github/workflows/apply.yml":
			checked += wantSettings(t, b.lines, "        with:", "action.yml")
		case ".gitlab-ci.yml":
			checked += wantSettings(t, b.lines, "variables:", "templates/bayplan.gitlab-ci.yml")
		}
	}
	if checked < 9 {
		t.Errorf("%d settings were checked", checked)
	}
}

// wantSettings wants what is below the lines that are the head to be settings of a file, and
// counts them.
func wantSettings(t *testing.T, lines []string, head, file string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	below := head[:len(head)-len(strings.TrimLeft(head, " "))] + "  "
	n, inside := 0, false
	for _, line := range lines {
		if line == head {
			inside = true
			continue
		}
		inside = inside && strings.HasPrefix(line, below)
		if m := setting.FindStringSubmatch(line); inside && m != nil {
			n++
			if !strings.Contains(string(text), "\n  "+m[1]+":") {
				t.Errorf("%s has no %s", file, m[1])
			}
		}
	}
	return n
}
