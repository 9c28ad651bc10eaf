package plan

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// Options are what a command line adds to a plan.
type Options struct {
	// Vars are the values of --var. They override all others. The plan must
	// declare and use every one of them. They are literal text.
	Vars map[string]string

	// VarFiles are YAML files of variables and their texts. Later files override
	// earlier ones. The plan must declare every name.
	VarFiles []string

	// Shared collects what is wrong with Vars and VarFiles where several plans are read
	// with them; nil: this plan must have all of the variables.
	Shared *Shared

	// Environ is searched for BAYPLAN_VAR_name. It has the form of os.Environ; nil
	// means no environment. VarFiles override it.
	Environ []string

	// Connections is a file whose connections replace those of the plan. It may
	// hold the secrets and vars that they need. "" means no file.
	Connections string

	// Centre is the site of steps that name none, if each step runs at its site; "": all run here.
	Centre string

	// Redactor learns the values of the plan's secrets when they are read. nil means
	// that nothing is masked.
	Redactor *redact.Redactor

	// Adapt changes settings of steps and connections, or is nil.
	Adapt *Adapt

	// Opened is told the path of each file, as it is named, and what was read of it, or is nil.
	Opened func(path string, text []byte)

	// At returns where the file is that a path means: of the options, or of an include. nil
	// means that it is at the path.
	At func(path string) string

	read func(file string) ([]byte, error) // of Load; nil: readFile, without an end
}

// at gives where a file is.
func (o Options) at(file string) string {
	if o.At == nil {
		return file
	}
	return o.At(file)
}

// readFile reads a file that the options name.
func (o Options) readFile(file string) ([]byte, error) {
	if o.read == nil {
		return readFile(context.Background(), o.at(file))
	}
	return o.read(o.at(file))
}

// Load reads the plan in a file. It returns the readable part of the plan
// together with all mistakes. The plan is nil when the file, or one that it includes,
// cannot be read, is not YAML or is not a mapping.
func Load(ctx context.Context, path string, o Options) (*Plan, Errors) {
	o.read = func(file string) ([]byte, error) {
		text, err := readFile(ctx, file)
		if o.Opened != nil {
			o.Opened(file, text)
		}
		return text, err
	}
	raw, err := o.read(path)
	if err != nil {
		o.Shared.begin()
		return nil, Errors{{File: path, Msg: fault.Text(err), Hint: fault.Hint(err)}}
	}
	return Parse(path, raw, o)
}

// Parse reads a plan like Load, but takes the file's bytes from src.
func Parse(file string, src []byte, o Options) (*Plan, Errors) {
	o.Shared.begin()
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, Errors{{File: file, Msg: fault.Text(err)}}
	}
	s, root, errs := openNodes(file, filepath.Dir(abs), src)
	if root == nil {
		return nil, errs
	}
	s.adapt = o.Adapt
	r := newReader(newWhole(o), s, errs)
	r.root, r.path = root, abs
	p := r.readPlan(o)
	return p, r.finishAll()
}

// readFile reads a file, but at most one byte more than a file may hold: yamlguard refuses
// larger ones.
func readFile(ctx context.Context, path string) ([]byte, error) {
	raw, err := textfile.Read(ctx, path, yamlguard.MaxBytes+1)
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) { // the mistake's place already names the path
		return nil, fault.WithHint(pathErr.Err, fault.Hint(err))
	}
	return raw, err
}

// ownKey matches a line with a key of a plan.
var ownKey = lazyregexp.New(`(?m)^[ \t]*(?:[-{][ \t]*)?["']?(?:apiVersion|name|include|vars|secrets|connections|defaults|steps)["']?[ \t]*:`)

// openNodes turns the bytes of a file into nodes. The node is nil when the file is
// empty, is not YAML or is not a mapping.
func openNodes(file, dir string, raw []byte) (*source, *node, Errors) {
	text, body, bad := yamlguard.Parse(raw, yamlguard.Options{})
	s := newSource(file, dir, text)
	s.foreign = !ownKey.MatchString(text)
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
	if root.kind != isMapping && !root.reported {
		errs = append(errs, s.errorf(root.pos, "the file must hold a mapping of keys to values, is %s", root.describe()))
	}
	if root.kind != isMapping {
		return s, nil, errs
	}
	return s, root, errs
}
