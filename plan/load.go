package plan

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/yamlguard"
)

// Options are what a command line adds to a plan.
type Options struct {
	// Vars are the values of --var, which go before all others. Every one must
	// be declared in the plan and used there. They are literal text.
	Vars map[string]string

	// VarFiles are YAML files of variables and their texts; of a name given
	// twice the later file's counts. Every name must be declared in the plan.
	VarFiles []string

	// Environ is where BAYPLAN_VAR_name is looked for, as os.Environ gives it;
	// nil: nowhere. VarFiles go before it.
	Environ []string

	// Connections is a file whose connections replace those of the plan, with
	// the secrets and vars that they need; "" for none.
	Connections string
}

// Load reads the plan in a file. It gives the plan as far as it could be read
// together with all mistakes found; the plan is nil when the file holds nothing
// that could be one.
func Load(path string, o Options) (*Plan, Errors) {
	raw, err := readFile(path)
	if err != nil {
		return nil, Errors{{File: path, Msg: err.Error()}}
	}
	return Parse(path, raw, o)
}

// Parse reads a plan as Load does, from bytes that stand in the named file.
func Parse(file string, src []byte, o Options) (*Plan, Errors) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, Errors{{File: file, Msg: err.Error()}}
	}
	s, root, errs := open(file, filepath.Dir(abs), src)
	if root == nil {
		return nil, errs
	}
	r := newReader(s, errs)
	p := r.readPlan(root, o)
	p.File = abs
	return p, r.finish()
}

// readFile reads a file no further than one may be large.
func readFile(path string) (raw []byte, err error) {
	file, err := os.Open(path)
	if err == nil {
		defer file.Close()
		raw, err = io.ReadAll(io.LimitReader(file, yamlguard.MaxBytes+1))
	}
	var at *os.PathError
	if errors.As(err, &at) {
		err = at.Err // the path is the mistake's place already
	}
	return raw, err
}

// open makes nodes of a file's bytes. The node is nil when there is nothing to
// go on with.
func open(file, dir string, raw []byte) (*source, *node, Errors) {
	text, body, bad := yamlguard.Parse(raw, yamlguard.Options{})
	s := newSource(file, dir, text)
	switch {
	case bad != nil:
		e := s.errorf(Pos(bad.Pos), "%s", bad.Msg)
		e.Hint = bad.Hint
		return s, nil, Errors{e}
	case body == nil:
		return s, nil, Errors{s.errorf(Pos{1, 1}, "the file is empty")}
	}
	c := &converter{src: s, anchors: map[string]*node{}}
	root := c.node(body)
	errs := c.errs
	if root.kind != isMapping && !root.bad {
		errs = append(errs, s.errorf(root.pos, "the file must hold a mapping of keys to values, is %s", root.is()))
	}
	if root.kind != isMapping {
		return s, nil, errs
	}
	return s, root, errs
}
