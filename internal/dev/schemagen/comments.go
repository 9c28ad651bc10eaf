package schemagen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"strings"
)

// comments are the doc comments of structs, by "package/path.Type" and
// "package/path.Type.Field". Step types are not exported, so the reflector's
// own search would not find them.
type comments map[string]string

// readComments reads the sources in the directory below root and in all
// directories below that one, without tests. module is the import path of root.
func readComments(root, below, module string) (comments, error) {
	found := comments{}
	err := filepath.WalkDir(filepath.Join(root, below), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		found.take(path.Join(module, filepath.ToSlash(dir)), file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read doc comments: %w", err)
	}
	return found, nil
}

func (c comments) take(pkg string, file *ast.File) {
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
			name := pkg + "." + named.Name.Name
			c[name] = paragraphs(doc)
			if s, ok := named.Type.(*ast.StructType); ok {
				c.fields(name, s)
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

// ofType gives the comment of a type, as it stands in the source.
func (c comments) ofType(t reflect.Type) string { return c[t.PkgPath()+"."+t.Name()] }

// lookup gives the reflector the comment of a type or, where field is not "",
// of its field. It leaves the Go name of a type out: only the source has it.
func (c comments) lookup(t reflect.Type, field string) string {
	if field != "" {
		return c[t.PkgPath()+"."+t.Name()+"."+field]
	}
	return withoutName(c.ofType(t), t.Name())
}

// withoutName takes the name of a type, as in "A name is", "An name is" or "name", off the beginning of a
// sentence.
func withoutName(sentence, name string) string {
	for _, beginning := range []string{"A " + name + " is ", "An " + name + " is ", "A " + name + " ", "An " + name + " ", name + " "} {
		if rest, ok := strings.CutPrefix(sentence, beginning); ok {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return sentence
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
