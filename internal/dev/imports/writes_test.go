package imports_test

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Only main.go of a command names standard output and standard error, and hands them
// to its two outputs. What is printed beside them would be neither cleaned nor masked.
func TestNoWriteBesideTheOutputs(t *testing.T) {
	top := root(t)
	found := map[string]int{filepath.Join("cmd", "bayplan", "main.go"): 0, filepath.Join("cmd", "bayplan-temporal", "main.go"): 0}
	for _, dir := range sourceDirs(t, top) {
		rel, err := filepath.Rel(top, dir)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(rel, filepath.Join("internal", "dev")) || strings.HasPrefix(rel, filepath.Join("internal", "tools")) {
			continue // nothing of it is part of the command
		}
		fset := token.NewFileSet()
		for _, f := range parse(t, fset, dir) {
			name, err := filepath.Rel(top, fset.Position(f.Package).Filename)
			if err != nil {
				t.Fatal(err)
			}
			for _, where := range directWrites(fset, f) {
				if _, ok := found[name]; ok {
					found[name]++
					continue
				}
				t.Errorf("%s: it writes beside the outputs of the command", where)
			}
		}
	}
	for name, n := range found {
		if n < 2 {
			t.Errorf("found %d in %s, want the two outputs", n, name)
		}
	}
}

// directWrites gives the places in a file that name a standard stream or print to one.
func directWrites(fset *token.FileSet, f *ast.File) []string {
	direct := map[string][]string{
		"os":      {"Stdout", "Stderr"},
		"fmt":     {"Print", "Printf", "Println"},
		"log":     {"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Default"},
		"slog":    {"Debug", "Info", "Warn", "Error", "Default", "Log"},
		"syscall": {"Stdout", "Stderr"},
	}
	var found []string
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if !ok || pkg.Obj != nil {
				return true
			}
			for _, name := range direct[pkg.Name] {
				if n.Sel.Name == name {
					found = append(found, fset.Position(n.Pos()).String())
				}
			}
		case *ast.CallExpr:
			if fun, ok := n.Fun.(*ast.Ident); ok && (fun.Name == "print" || fun.Name == "println") {
				found = append(found, fset.Position(n.Pos()).String())
			}
		}
		return true
	})
	return found
}
