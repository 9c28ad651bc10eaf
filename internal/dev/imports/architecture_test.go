package imports_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	quoted = regexp.MustCompile("`([^`\n]+)`")
	aPath  = regexp.MustCompile(`^(cmd|plan|runner|steps|schemas|examples|internal)(/[a-z0-9_.-]+)*$`)
	aName  = regexp.MustCompile(`^([a-z]+)\.([A-Z]\w*(?:\.[A-Z]\w*)?)$`)
	inTree = regexp.MustCompile(`(?m)^    ((?:cmd|plan|runner|steps|schemas|examples|internal)[a-z/]*)/ `)
)

// Every path and every Go name in ARCHITECTURE.md exists, and the tree there
// names every package.
func TestArchitectureIsTrue(t *testing.T) {
	top := root(t)
	page, err := os.ReadFile(filepath.Join(top, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := declared(t, top)
	paths, found := 0, 0
	for _, m := range quoted.FindAllStringSubmatch(string(page), -1) {
		switch word := m[1]; {
		case aPath.MatchString(word):
			paths++
			if _, err := os.Stat(filepath.Join(top, word)); err != nil {
				t.Errorf("there is no %s", word)
			}
		case aName.MatchString(word):
			found++
			if !names[word] {
				t.Errorf("there is no %s in Go", word)
			}
		}
	}
	if paths < 20 || found < 15 {
		t.Errorf("the page has %d paths and %d names", paths, found)
	}
	tree := map[string]bool{}
	for _, m := range inTree.FindAllStringSubmatch(string(page), -1) {
		tree[m[1]] = true
		if _, err := os.Stat(filepath.Join(top, m[1])); err != nil {
			t.Errorf("the tree has %s, the repository has not", m[1])
		}
	}
	for _, p := range list(t) {
		dir := short(p.ImportPath)
		if !tree[dir] && !strings.HasPrefix(dir, "internal/dev/") && !strings.HasPrefix(dir, "steps/") {
			t.Errorf("the tree lacks %s", dir)
		}
	}
}

// declared gives all exported declarations as package.Name, and methods also as
// package.Type.Name.
func declared(t *testing.T, top string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			for _, n := range namesOf(decl) {
				names[file.Name.Name+"."+n] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func namesOf(decl ast.Decl) []string {
	var names []string
	switch d := decl.(type) {
	case *ast.FuncDecl:
		names = append(names, d.Name.Name)
		if d.Recv != nil {
			recv := d.Recv.List[0].Type
			if star, ok := recv.(*ast.StarExpr); ok {
				recv = star.X
			}
			if typ, ok := recv.(*ast.Ident); ok {
				names = append(names, typ.Name+"."+d.Name.Name)
			}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if typ, ok := spec.(*ast.TypeSpec); ok {
				names = append(names, typ.Name.Name)
			}
		}
	}
	return names
}
