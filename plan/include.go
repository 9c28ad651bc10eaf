package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
)

// maxFiles is how many files a plan may include, directly or through others.
const maxFiles = 100

// openIncluded opens the files that a file includes, each once, and adds them to the
// plan's files. above are the files that lead here from the plan. It returns false if
// one of them cannot be read: what it would have defined is not known then.
func (r *reader) openIncluded(o Options, above []*reader) bool {
	n := r.top.value("include")
	if n == nil || n.reported {
		return true
	}
	if n.kind != isSequence {
		hint := ""
		if n.kind == isScalar && !n.null {
			hint = "write include: [" + n.text + "]"
		}
		return r.fail(n.pos, hint, "include must be a list of files, is %s", n.describe())
	}
	above, all := append(slices.Clone(above), r), true
	for _, it := range n.items {
		name, ok := r.fixedText(it, "a file of include", "")
		all = ok && r.openOne(o, it, name, above) && all
	}
	return all
}

// openOne opens one included file, and those that it includes itself.
func (r *reader) openOne(o Options, n *node, name string, above []*reader) bool {
	path, err := resolvePath(r.src.dir, name)
	switch {
	case err != nil:
		return r.fail(n.pos, "", "include: %v", err)
	case name == "" || strings.Contains(name, "://"):
		return r.fail(n.pos, "", "include names files of this host, and %s is none", n.quoted(name))
	}
	shown := string(path)
	if !filepath.IsAbs(name) && !strings.HasPrefix(name, "~") {
		shown = filepath.Join(filepath.Dir(r.src.file), name)
	}
	for i, on := range above {
		if on.path == string(path) {
			return r.fail(n.pos, "", "files include each other in a circle: %s", circle(above[i:], shown))
		}
	}
	if slices.ContainsFunc(r.files, func(f *reader) bool { return f.path == string(path) }) {
		return true
	}
	if r.opened++; r.opened > maxFiles {
		return r.fail(n.pos, "", "the plan includes more than %d files", maxFiles)
	}
	raw, err := readRegular(o, string(path))
	if err != nil {
		return r.fail(n.pos, fault.Hint(err), "include %s: %v", n.quoted(name), err)
	}
	s, root, errs := openNodes(shown, filepath.Dir(string(path)), raw)
	if s.adapt = o.Adapt; root == nil {
		r.errs = append(r.errs, errs...)
		return false
	}
	if s.foreign {
		r.errs = append(r.errs, noPlanFile(s))
		return false
	}
	in := newReader(r.whole, s, errs)
	in.root, in.path, in.included = root, string(path), true
	in.top = in.keyedFields(root, "an included file", "apiVersion", "include", "vars", "secrets", "connections", "steps")
	in.readVersion(root, in.top, true)
	all := in.openIncluded(o, above)
	r.files = append(r.files, in)
	return all
}

// noPlanFile returns the mistake of a file that is no part of a plan. What is in it is
// not shown.
func noPlanFile(s *source) *Error {
	e := s.errorf(Pos{1, 1}, "this is not a file of a plan: it has none of a plan's keys")
	e.Hint = "begin it with apiVersion: " + apiVersion
	return e
}

// circle shows the files that include each other.
func circle(files []*reader, last string) string {
	var names []string
	for _, f := range files {
		names = append(names, f.src.file)
	}
	return strings.Join(append(names, last), " -> ")
}

// readRegular reads an included file, which must be a regular one.
func readRegular(o Options, path string) ([]byte, error) {
	f, err := textfile.OpenRegular(o.at(path))
	if err == nil {
		_ = f.Close() // it was only opened to see what it is
		return o.readFile(path)
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) { // the mistake's place already names the path
		err = pathErr.Err
	}
	return nil, err
}

// failTwice adds a mistake for a name that an earlier file of the plan has, too.
func (r *reader) failTwice(pos Pos, what, name string, first *source, at Pos) {
	r.fail(pos, fmt.Sprintf("the first one is at %s:%d:%d", first.file, at.Line, at.Col), "the %s %q is there twice", what, name)
}
