package revision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Files are the files that a plan of a revision names: those of the revision, and the present
// ones where it has none.
type Files struct {
	place func(file string) (string, error)
	tree  *Tree
	name  string // of the revision, for messages
	note  func(string)

	errs  []error
	noted map[string]bool
}

// NewFiles returns the files of a tree, which are read as long as ctx lasts. note is told of
// each present file that is used.
func NewFiles(ctx context.Context, tree *Tree, name string, note func(string)) *Files {
	place := func(file string) (string, error) { return tree.Place(ctx, file) }
	return &Files{place: place, tree: tree, name: name, note: note, noted: map[string]bool{}}
}

// Place returns where the file is that an absolute path means. Err has what goes wrong.
func (f *Files) Place(file string) string {
	if !f.tree.Has(file) {
		return f.present(file, "lies outside the repository or in a submodule")
	}
	at, err := f.place(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.present(file, "is not in that revision")
	case err != nil:
		f.errs = append(f.errs, err)
	}
	return at
}

// Own returns where a file is that is of the revision, or absent.
func (f *Files) Own(file string) string {
	at, err := f.place(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.errs = append(f.errs, err)
	}
	return at
}

// present tells once that the present file is used, if there is one.
func (f *Files) present(file, why string) string {
	if _, err := os.Stat(file); err == nil && !f.noted[file] {
		f.noted[file] = true
		f.note(fmt.Sprintf("%s: %s %s, so the present file is used for both", f.name, strings.TrimPrefix(file, f.tree.top+"/"), why))
	}
	return file
}

// Show returns a text in which the files below the directory into have the names that git gives
// them, as REVISION:PATH, or else the paths that they mean.
func (f *Files) Show(text, into string) string {
	return strings.NewReplacer(into+f.tree.top+"/", f.name+":", into+"/", "/").Replace(text)
}

// Err returns what went wrong, joined.
func (f *Files) Err() error { return errors.Join(f.errs...) }

// SameContent reports whether two files have the same content. What is no regular file, what
// cannot be read, and what has more than MaxFile bytes, counts as the same.
func SameContent(a, b string) bool {
	if a == b {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	switch {
	case errA != nil || errB != nil || !infoA.Mode().IsRegular() || !infoB.Mode().IsRegular():
		return (errA == nil) == (errB == nil)
	case infoA.Size() != infoB.Size():
		return false
	case infoA.Size() > MaxFile:
		return true // what is as large is not read
	}
	was, errA := os.ReadFile(a)
	is, errB := os.ReadFile(b)
	return errA != nil || errB != nil || bytes.Equal(was, is)
}
