package runner

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// Words names every constant of its type. Programs know them from the schemas.
func TestWordsAreComplete(t *testing.T) {
	declared := constants(t)
	for typ, words := range map[string][]string{
		"Mode": Mode("").Words(), "Status": Status("").Words(), "EventKind": EventKind("").Words(),
		"Op": Op("").Words(), "Thing": Thing("").Words(), "EdgeKind": EdgeKind("").Words(),
	} {
		slices.Sort(words)
		slices.Sort(declared[typ])
		if !slices.Equal(words, declared[typ]) {
			t.Errorf("%s: Words gives %q, and the constants are %q", typ, words, declared[typ])
		}
	}
}

// constants returns the values of the constants of this package by their types.
func constants(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	must(t, err)
	found := map[string][]string{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		must(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || spec.Type == nil || len(spec.Values) != 1 {
				return true
			}
			typ, named := spec.Type.(*ast.Ident)
			value, literal := spec.Values[0].(*ast.BasicLit)
			if named && literal && value.Kind == token.STRING {
				text, err := strconv.Unquote(value.Value)
				must(t, err)
				found[typ.Name] = append(found[typ.Name], text)
			}
			return true
		})
	}
	return found
}
