package imports_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Limits on what a reader has to take in at once, in lines. Tests count only for that of files.
const (
	maxFunction = 60
	maxFile     = 400
	maxPackage  = 5000

	largePackage = 3000
	maxLarge     = 5
	maxP90Files  = 20 // files of nine packages in ten
)

// No function, file or package grows past what one person can keep in mind.
func TestSizes(t *testing.T) {
	lines, files := map[string]int{}, map[string]int{}
	top := root(t)
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		short, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		n := fset.File(file.Pos()).LineCount()
		if n > maxFile {
			t.Errorf("%s has %d lines", short, n)
		}
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		lines[filepath.Dir(short)] += n
		files[filepath.Dir(short)]++
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; n > maxFunction {
					t.Errorf("%s: %s has %d lines", short, f.Name.Name, n)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var large []string
	var counts []int
	for dir, n := range lines {
		if n > maxPackage {
			t.Errorf("package %s has %d lines", dir, n)
		}
		if n > largePackage {
			large = append(large, dir)
		}
		counts = append(counts, files[dir])
	}
	if len(large) > maxLarge {
		t.Errorf("%d packages have more than %d lines: %v", len(large), largePackage, large)
	}
	slices.Sort(counts)
	if p90 := counts[len(counts)*9/10]; p90 > maxP90Files {
		t.Errorf("nine packages in ten have up to %d files", p90)
	}
}
