package imports_test

import (
	"go/ast"
	"go/constant"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// No package compiles a regular expression before main, and each that is compiled later
// is valid. To compile all took 4 ms of each start.
func TestExpressionsAreLazy(t *testing.T) {
	top := root(t)
	checked := 0
	for _, dir := range sourceDirs(t, top) {
		if strings.Contains(dir, "internal/dev/") {
			continue
		}
		fset := token.NewFileSet()
		for _, file := range parse(t, fset, dir) {
			for _, decl := range file.Decls {
				if vars, ok := decl.(*ast.GenDecl); ok {
					checked += checkExpressions(t, fset, vars)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("found %d expressions", checked)
	}
}

// checkExpressions checks the variables of one declaration and gives the number of texts
// that it has compiled.
func checkExpressions(t *testing.T, fset *token.FileSet, vars *ast.GenDecl) int {
	t.Helper()
	compiled := 0
	ast.Inspect(vars, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch selected(call.Fun) {
		case "regexp.MustCompile":
			t.Errorf("%s: lazyregexp.New does not slow every start", fset.Position(call.Pos()))
		case "lazyregexp.New":
			if text, ok := literal(call.Args[0]); ok {
				compiled++
				if _, err := regexp.Compile(text); err != nil {
					t.Errorf("%s: %v", fset.Position(call.Pos()), err)
				}
			}
		}
		return true
	})
	return compiled
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

func literal(expr ast.Expr) (string, bool) {
	lit, ok := expr.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	return constant.StringVal(constant.MakeFromLiteral(lit.Value, lit.Kind, 0)), true
}
