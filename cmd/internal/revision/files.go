package revision

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
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

// Has reports whether the revision decides what is at an absolute path.
func (f *Files) Has(file string) bool { return f.tree.Has(file) }

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

// SameContent reports whether two files have the same content, or both are absent. Two directories
// count as the same. The error says why it is not known: one cannot be read, or is not a regular file, or
// both are equally large and have more than MaxFile bytes.
func SameContent(a, b string) (bool, error) {
	if a == b {
		return true, nil
	}
	was, errA := stat(a)
	is, errB := stat(b)
	switch {
	case errA != nil || errB != nil:
		return false, cmp.Or(errA, errB)
	case was == nil || is == nil:
		return was == is, nil
	case was.Mode().Type() != is.Mode().Type():
		return false, nil
	case was.IsDir():
		return true, nil
	case !was.Mode().IsRegular():
		return false, errors.New("it is not a regular file")
	case was.Size() != is.Size():
		return false, nil
	case was.Size() > MaxFile:
		return false, fmt.Errorf("it has more than %s", human.Size(MaxFile))
	}
	before, errA := os.ReadFile(a)
	now, errB := os.ReadFile(b)
	return bytes.Equal(before, now), cmp.Or(errA, errB)
}

// stat gives what is at a path, nil for nothing.
func stat(file string) (fs.FileInfo, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}
