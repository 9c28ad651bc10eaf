package plan

import (
	"path/filepath"
	"strings"
)

// otherConnections reads the file of --connections and puts its connections in
// the place of the plan's. It gives the scope of that file's variables.
func (r *reader) otherConnections(o Options, p *Plan) *scope {
	file := o.Connections
	raw, err := readFile(file)
	if err != nil {
		r.errs = append(r.errs, &Error{File: file, Msg: "--connections: " + err.Error()})
		return nil
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		abs = file
	}
	s, root, errs := open(file, filepath.Dir(abs), raw)
	r.errs = append(r.errs, errs...)
	if root == nil {
		return nil
	}
	in := newReader(s, nil)
	in.scope.outer = r.scope
	p.Registries, p.Clouds = in.readOther(root, o)
	r.errs = append(r.errs, in.finish()...)
	return in.scope
}

// readOther reads the top of a connections file.
func (r *reader) readOther(root *node, o Options) (registries, clouds []Connection) {
	f := r.object(root, "a connections file", "apiVersion", "vars", "secrets", "connections")
	r.readVersion(root, f, false)
	if f.missing("connections") {
		r.fail(root.pos, "", "connections is missing")
	}
	r.readVars(f.value("vars"))
	for name, v := range r.scope.vars {
		for _, env := range o.Environ {
			if value, ok := strings.CutPrefix(env, "BAYPLAN_VAR_"+name+"="); ok {
				v.given = &value
			}
		}
		if value, ok := o.Vars[name]; ok {
			v.given = &value
		}
	}
	r.settle()
	r.readSecrets(f.value("secrets"))
	return r.readConnections(f.value("connections"))
}
