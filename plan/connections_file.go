package plan

import (
	"path/filepath"

	"github.com/bayplan/bayplan/internal/fault"
)

// openConnectionsFile opens the file of --connections and reads its variables.
// readConnectionsFile reads the rest once their values are known. It returns nil
// if there is no file, or none that can be read.
func (r *reader) openConnectionsFile(o Options) *reader {
	file := o.Connections
	if file == "" {
		return nil
	}
	raw, err := r.readFile(file)
	if err != nil {
		r.errs = append(r.errs, &Error{File: file, Msg: "--connections: " + fault.Text(err), Hint: fault.Hint(err)})
		return nil
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		abs = file
	}
	s, root, errs := openNodes(file, filepath.Dir(abs), raw)
	if root == nil {
		r.errs = append(r.errs, errs...)
		return nil
	}
	if s.foreign {
		r.errs = append(r.errs, noPlanFile(s))
		return nil
	}
	in := newReader(newWhole(o), s, errs)
	in.scope.outer = r.scope
	in.top = in.keyedFields(root, "a connections file", "apiVersion", "vars", "secrets", "connections", "others")
	in.readVersion(root, in.top, false)
	if in.top.missing("connections") {
		in.fail(root.pos, "", "connections is missing")
	}
	in.readVars(in.top.value("vars"))
	return in
}

// readConnectionsFile reads the connections of that file, which replace those of
// the plan. The variables of the plan must be evaluated before.
func (r *reader) readConnectionsFile(p *Plan) {
	r.evaluateVars()
	r.readSecrets(r.top.value("secrets"), p)
	p.Registries, p.Clouds, p.Hosts = nil, nil, nil
	r.readConnections(r.top.value("connections"), p)
	p.sources = append(p.sources, r.src)
	p.scopes = append(p.scopes, r.scope)
	p.ConnectionsFile = r.src.file
	p.OtherServers = r.readOthers(r.top.value("others"))
}

// readOthers reads what the file says about servers without a connection.
func (r *reader) readOthers(n *node) string {
	text, ok := r.fixedText(n, "others", "others")
	if ok && text != "allow" && text != "refuse" {
		r.fail(n.pos, "write allow or refuse", "others says whether servers without a connection are asked, and %s does not", n.quoted(text))
	}
	return text
}
