package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every error that the page of errors explains is in the program: the text between the "..."
// of a heading is in one text of the source, in this order.
func TestErrorsAreThoseOfTheProgram(t *testing.T) {
	texts := sourceTexts(t)
	explained := 0
	for i, line := range readPage(t, filepath.Join("docs", "guides", "troubleshooting.md")).lines {
		heading, ok := strings.CutPrefix(line, "### `")
		if !ok {
			continue
		}
		explained++
		if heading = strings.TrimSuffix(heading, "`"); strings.Contains(heading, "%") || !inSource(texts, heading) {
			t.Errorf("docs/guides/troubleshooting.md:%d: no text of the program is %q", i+1, heading)
		}
	}
	if explained < 20 {
		t.Errorf("the page explains %d errors", explained)
	}
}

// inSource tells whether a text of the program has the parts of an error. Where the page has
// "...", the program may have anything.
func inSource(texts []string, heading string) bool {
	var parts []string
	for part := range strings.SplitSeq(heading, "...") {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	pattern := regexp.MustCompile("(?s)" + strings.Join(parts, ".*"))
	for _, text := range texts {
		if pattern.MatchString(text) {
			return true
		}
	}
	return false
}

// sourceTexts gives the texts in the source of bayplan.
func sourceTexts(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					list = append(list, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
