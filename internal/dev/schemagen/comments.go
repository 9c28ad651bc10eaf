package schemagen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// comments are the doc comments of a package's structs, by "Type" and
// "Type.Field". Step types are not exported, so the reflector's own search
// would pass them over.
type comments map[string]string

// readComments reads the sources in dir, without tests.
func readComments(dir string) (comments, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	found := comments{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read doc comments: %w", err)
		}
		found.take(file)
	}
	return found, nil
}

func (c comments) take(file *ast.File) {
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.TYPE {
			continue
		}
		for _, spec := range group.Specs {
			named := spec.(*ast.TypeSpec)
			doc := named.Doc
			if doc == nil {
				doc = group.Doc
			}
			c[named.Name.Name] = paragraphs(doc)
			if s, ok := named.Type.(*ast.StructType); ok {
				c.fields(named.Name.Name, s)
			}
		}
	}
}

func (c comments) fields(typ string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		doc := f.Doc
		if doc == nil {
			doc = f.Comment
		}
		for _, name := range f.Names {
			c[typ+"."+name.Name] = paragraphs(doc)
		}
	}
}

// lookup is what the reflector asks.
func (c comments) lookup(t reflect.Type, field string) string {
	if field == "" {
		return c[t.Name()]
	}
	return c[t.Name()+"."+field]
}

// paragraphs joins the lines of each paragraph: where they break is the
// source's affair.
func paragraphs(doc *ast.CommentGroup) string {
	if doc == nil {
		return ""
	}
	parts := strings.Split(strings.TrimSpace(doc.Text()), "\n\n")
	for i, p := range parts {
		if !strings.HasPrefix(p, "\t") {
			parts[i] = strings.ReplaceAll(p, "\n", " ")
		}
	}
	return strings.Join(parts, "\n\n")
}
