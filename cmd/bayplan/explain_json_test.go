package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// explain json names every kind of event and every status that package runner has.
func TestExplainJSONIsComplete(t *testing.T) {
	text := listWords(eventKinds[:]) + listWords(stepStatuses[:])
	found := 0
	for _, file := range []string{"event.go", "report.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "runner", file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			typ, ok := spec.Type.(*ast.Ident)
			if !ok || typ.Name != "EventKind" && typ.Name != "Status" {
				return true
			}
			found++
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil || !strings.Contains(text, "  "+value+" ") {
				t.Errorf("%s (%q) is not explained", spec.Names[0].Name, value)
			}
			return true
		})
	}
	if found != len(eventKinds)+len(stepStatuses) {
		t.Errorf("package runner has %d, explain json %d", found, len(eventKinds)+len(stepStatuses))
	}
}
