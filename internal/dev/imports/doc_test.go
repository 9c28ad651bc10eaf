package imports_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Every package has one package comment, and every exported name has a comment
// that starts with the name.
func TestDocComments(t *testing.T) {
	top := root(t)
	for _, dir := range sourceDirs(t, top) {
		fset := token.NewFileSet()
		files := parse(t, fset, dir)
		if len(files) == 0 {
			continue
		}
		at := func(pos token.Pos) string {
			p := fset.Position(pos)
			if rel, err := filepath.Rel(top, p.Filename); err == nil {
				p.Filename = rel
			}
			return p.String()
		}
		checkPackageComment(t, files, at)
		for _, f := range files {
			for _, d := range f.Decls {
				checkDecl(t, d, at)
			}
		}
	}
}

// sourceDirs returns the directories of the module that may hold Go files.
func sourceDirs(t *testing.T, top string) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != top && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "bin") {
			return filepath.SkipDir
		}
		dirs = append(dirs, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// parse parses the Go files of a directory, without tests.
func parse(t *testing.T, fset *token.FileSet, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		files = append(files, f)
	}
	return files
}

func checkPackageComment(t *testing.T, files []*ast.File, at func(token.Pos) string) {
	t.Helper()
	var found []string
	name := files[0].Name.Name
	for _, f := range files {
		if f.Doc == nil {
			continue
		}
		found = append(found, at(f.Doc.Pos()))
		text := f.Doc.Text()
		if name == "main" {
			if !strings.HasPrefix(text, "Command ") && !strings.HasPrefix(text, "Bayplan ") {
				t.Errorf("%s: the comment of a command starts with %q or with its name", at(f.Doc.Pos()), "Command ")
			}
		} else if !strings.HasPrefix(text, "Package "+name+" ") {
			t.Errorf("%s: the package comment does not start with %q", at(f.Doc.Pos()), "Package "+name+" ")
		}
	}
	switch len(found) {
	case 0:
		t.Errorf("%s: package %s has no package comment", at(files[0].Package), name)
	case 1:
	default:
		t.Errorf("%s: package %s has more than one package comment: %s", found[0], name, strings.Join(found[1:], ", "))
	}
}

func checkDecl(t *testing.T, d ast.Decl, at func(token.Pos) string) {
	t.Helper()
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && exportedReceiver(d.Recv) {
			checkDoc(t, d.Name, at, d.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			checkSpec(t, d, spec, at)
		}
	}
}

func checkSpec(t *testing.T, d *ast.GenDecl, spec ast.Spec, at func(token.Pos) string) {
	t.Helper()
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return
		}
		if doc := s.Doc; doc != nil || d.Lparen.IsValid() {
			checkDoc(t, s.Name, at, doc)
		} else {
			checkDoc(t, s.Name, at, d.Doc)
		}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if !name.IsExported() {
				continue
			}
			// One comment may cover a whole group.
			if d.Lparen.IsValid() && (d.Doc != nil || s.Doc != nil || s.Comment != nil) {
				continue
			}
			checkDoc(t, name, at, d.Doc)
		}
	}
}

// exportedReceiver tells whether a method belongs to an exported type. It is true
// for functions.
func exportedReceiver(recv *ast.FieldList) bool {
	if recv == nil || len(recv.List) == 0 {
		return true
	}
	expr := recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return false
		}
	}
}

func checkDoc(t *testing.T, name *ast.Ident, at func(token.Pos) string, doc *ast.CommentGroup) {
	t.Helper()
	if doc == nil || strings.TrimSpace(doc.Text()) == "" {
		t.Errorf("%s: %s has no doc comment", at(name.Pos()), name.Name)
		return
	}
	words := strings.Fields(doc.Text())
	if words[0] == "A" || words[0] == "An" || words[0] == "The" || words[0] == "Deprecated:" {
		words = words[1:]
	}
	if len(words) == 0 || strings.TrimRight(words[0], ",.:;") != name.Name {
		t.Errorf("%s: the comment of %s does not start with its name", at(name.Pos()), name.Name)
	}
}
