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

// comments holds the doc comments of structs, by "package/path.Type" and
// "package/path.Type.Field". The reflector itself finds only exported types,
// and step types are not exported.
type comments map[string]string

// readComments reads the sources in the directory dir of root and in its
// subdirectories, without tests. module is the import path of root.
func readComments(root, dir, module string) (comments, error) {
	found := comments{}
	err := filepath.WalkDir(filepath.Join(root, dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		found.add(path.Join(module, filepath.ToSlash(pkg)), file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read doc comments: %w", err)
	}
	return found, nil
}

func (c comments) add(pkg string, file *ast.File) {
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
				c.addFields(name, s)
			}
		}
	}
}

func (c comments) addFields(typ string, s *ast.StructType) {
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

// ofType returns the comment of a type as it is in the source.
func (c comments) ofType(t reflect.Type) string { return c[t.PkgPath()+"."+t.Name()] }

// lookup returns to the reflector the comment of a field or, if field is "", of
// the type. It removes the Go name of the type, which plans do not use.
func (c comments) lookup(t reflect.Type, field string) string {
	if field != "" {
		return c[t.PkgPath()+"."+t.Name()+"."+field]
	}
	return trimName(c.ofType(t), t.Name())
}

// trimName removes the name of a type from the beginning of a sentence, as in
// "A name is", "An name is" or "name".
func trimName(sentence, name string) string {
	for _, beginning := range []string{"A " + name + " is ", "An " + name + " is ", "A " + name + " ", "An " + name + " ", name + " "} {
		if rest, ok := strings.CutPrefix(sentence, beginning); ok {
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	return sentence
}

// paragraphs joins the lines of each paragraph: line breaks matter only in the
// source.
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
