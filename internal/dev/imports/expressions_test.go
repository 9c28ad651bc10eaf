package imports_test

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// No package compiles a regular expression before main: that took 4 ms of each start.
func TestExpressionsAreLazy(t *testing.T) {
	top := root(t)
	lazy := 0
	for _, dir := range sourceDirs(t, top) {
		if strings.Contains(dir, "internal/dev/") {
			continue
		}
		fset := token.NewFileSet()
		for _, file := range parse(t, fset, dir) {
			for _, decl := range file.Decls {
				if vars, ok := decl.(*ast.GenDecl); ok {
					lazy += countLazy(t, fset, vars)
				}
			}
		}
	}
	if lazy < 100 {
		t.Errorf("found %d expressions", lazy)
	}
}

// countLazy gives the number of expressions among the variables of a declaration that are
// compiled at their first use, and reports others.
func countLazy(t *testing.T, fset *token.FileSet, vars *ast.GenDecl) int {
	t.Helper()
	lazy := 0
	ast.Inspect(vars, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		if call, ok := n.(*ast.CallExpr); ok {
			switch selected(call.Fun) {
			case "regexp.MustCompile":
				t.Errorf("%s: lazyregexp.New does not slow every start", fset.Position(call.Pos()))
			case "lazyregexp.New":
				lazy++
			}
		}
		return true
	})
	return lazy
}

// selected gives package.Name for such an expression.
func selected(expr ast.Expr) string {
	sel, ok := expr.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return pkg.Name + "." + sel.Sel.Name
}
