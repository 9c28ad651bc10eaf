package plan

import "path/filepath"

// openOther opens the file of --connections and reads its variables; the rest
// waits for their values. It gives nil where there is no such file to go on with.
func (r *reader) openOther(file string) *reader {
	if file == "" {
		return nil
	}
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
	if root == nil {
		r.errs = append(r.errs, errs...)
		return nil
	}
	in := newReader(s, errs)
	in.scope.outer = r.scope
	in.top = in.object(root, "a connections file", "apiVersion", "vars", "secrets", "connections")
	in.readVersion(root, in.top, false)
	if in.top.missing("connections") {
		in.fail(root.pos, "", "connections is missing")
	}
	in.readVars(in.top.value("vars"))
	return in
}

// readOther reads the connections of that file, which take the place of the
// plan's. The plan's own variables are settled by then.
func (r *reader) readOther(p *Plan) {
	r.settle()
	r.readSecrets(r.top.value("secrets"))
	r.readConnections(r.top.value("connections"), p)
}
