package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each measure against a threat names a test that shows it, and there are these tests.
func TestThreatsAreTested(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "threats.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z0-9/]+) (Test[A-Z][A-Za-z0-9]*)`")
	tests, rows := map[string]string{}, 0
	for n, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.Contains(line, "| shown by |") {
			continue
		}
		rows++
		found := named.FindAllStringSubmatch(line, -1)
		if len(found) == 0 {
			t.Errorf("docs/threats.md:%d: no test shows that", n+1)
		}
		for _, m := range found {
			if _, read := tests[m[1]]; !read {
				tests[m[1]] = testsOf(t, m[1])
			}
			if !strings.Contains(tests[m[1]], "\nfunc "+m[2]+"(t *testing.T)") {
				t.Errorf("docs/threats.md:%d: %s has no %s", n+1, m[1], m[2])
			}
		}
	}
	if rows < 40 {
		t.Errorf("found only %d measures", rows)
	}
}

// testsOf returns the text of all tests of a package.
func testsOf(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
