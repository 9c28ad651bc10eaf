package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/redact"
)

// commandLine and environment are the files of errors in a flag and in a variable
// of the environment.
const (
	commandLine = "command line"
	environment = "environment"
)

// scopes are those whose variables may get a value from outside: that of the
// connections file, if there is one, and that of the plan.
type scopes []*scope

// overrideVars sets variables from the environment, --var-file and --var. These
// are the variables of the plan and of the connections file, other, if not nil.
func (r *reader) overrideVars(o Options, other *reader) {
	in := scopes{r.scope}
	if other != nil {
		in = scopes{other.scope, r.scope}
	}
	for name, value := range o.Vars {
		r.learn(name, value)
	}
	for _, env := range o.Environ {
		name, value, _ := strings.Cut(env, "=")
		name, ours := strings.CutPrefix(name, "BAYPLAN_VAR_")
		if !ours {
			continue
		}
		r.learn(name, value)
		if in[0].find(name) != nil {
			if wrong := in.set(name, varValue{text: value}); wrong != nil {
				r.errs = append(r.errs, &Error{File: environment, Msg: "BAYPLAN_VAR_" + name + ": " + wrong.msg, Hint: wrong.hint})
			}
		}
	}
	for _, file := range o.VarFiles {
		r.readVarFile(file, in, o.Shared)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Vars)) {
		before := "--var " + name + ": "
		if in[0].find(name) == nil {
			e := &Error{File: commandLine, Hint: human.DidYouMean(name, in[0].names())}
			r.lacks(o.Shared, lackedVar{name, before, e})
			continue
		}
		o.Shared.has(name)
		if wrong := in.set(name, varValue{text: o.Vars[name]}); wrong != nil {
			r.failCommandLine(wrong.hint, "%s%s", before, wrong.msg)
		}
	}
	if o.Shared != nil {
		o.Shared.read++
	}
}

// lacks adds the mistake of a value for a variable that the plan does not have, or leaves
// it to what the plan shares with others.
func (r *reader) lacks(shared *Shared, l lackedVar) {
	if shared != nil {
		shared.lacking = append(shared.lacking, l)
		return
	}
	l.err.Msg = l.before + noVariable(l.name, 1)
	r.errs = append(r.errs, l.err)
}

// learn makes the value of a variable that comes from outside known as a secret if its name
// says so: no text shall show it.
func (r *reader) learn(name, value string) {
	if redact.SecretName(name) {
		r.redactor.Add(value)
	}
}

// set sets a variable in all scopes that declare it. It returns a problem if one of
// them declares it in another form.
func (in scopes) set(name string, value varValue) *problem {
	for _, s := range in {
		v := s.vars[name]
		if v == nil {
			continue
		}
		if form, known := v.form(0); known && form != value.kind {
			hint := ""
			if value.kind == isScalar {
				hint = "give it in a file, with --var-file"
			}
			return &problem{fmt.Sprintf("the plan declares the variable as %s, here is %s", form, value.kind), hint}
		}
		v.override = &value
	}
	return nil
}

// maxAliases is how many variables in a row may stand for one another.
const maxAliases = 100

// form returns whether a variable is declared as a text, a list or a mapping. One
// without a value declares nothing.
func (v *variable) form(depth int) (k kind, known bool) {
	n := v.node
	if n.reported || n.null || depth > maxAliases {
		return isScalar, false
	}
	if n.kind == isScalar {
		if from := v.in.alias(n); from != nil {
			return from.form(depth + 1)
		}
	}
	return n.kind, true
}

func (r *reader) failCommandLine(hint, format string, args ...any) {
	r.errs = append(r.errs, &Error{File: commandLine, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// readVarFile sets the variables of one --var-file.
func (r *reader) readVarFile(file string, scopes scopes, shared *Shared) {
	raw, err := r.readFile(file)
	if err != nil {
		r.errs = append(r.errs, &Error{File: file, Msg: "--var-file: " + fault.Text(err), Hint: fault.Hint(err)})
		return
	}
	s, root, errs := openNodes(file, "", raw)
	r.errs = append(r.errs, errs...)
	if root == nil {
		return
	}
	s.foreign = !slices.ContainsFunc(root.entries, func(e entry) bool { return scopes[0].find(e.key) != nil })
	in := newReader(r.whole, s, nil)
	for _, e := range root.entries {
		if e.value.reported {
			continue
		}
		if scopes[0].find(e.key) == nil {
			bad := s.errorf(e.keyPos, "")
			bad.Hint = in.didYouMean(e.key, scopes[0].names())
			in.lacks(shared, lackedVar{e.key, "", bad})
			continue
		}
		e.value.walk(func(below *node) { r.learn(e.key, below.text) })
		shared.has(e.key)
		if value, ok := in.literal(e.key, e.value); ok {
			if wrong := scopes.set(e.key, value); wrong != nil {
				in.failWith(e.value.pos, wrong)
			}
		}
	}
	r.errs = append(r.errs, in.finish()...)
}

// literal returns the value that a --var-file gives a variable. References in it
// are text.
func (r *reader) literal(name string, n *node) (varValue, bool) {
	n.walk(func(below *node) { below.marks = nil })
	return r.varValue(&variable{name: name, in: r, node: n}, nil)
}

// reportUnused adds a mistake for each --var that nothing refers to.
func (r *reader) reportUnused(o Options, other *reader) {
	for _, name := range slices.Sorted(maps.Keys(o.Vars)) {
		v := r.scope.vars[name]
		used := v != nil && v.used
		if other != nil && other.scope.vars[name] != nil {
			v = other.scope.vars[name]
			used = used || v.used
		}
		switch {
		case v == nil:
		case o.Shared != nil && used:
			note(&o.Shared.used, name)
		case o.Shared != nil:
			e := &Error{File: commandLine, Msg: fmt.Sprintf("--var %s: nothing in the plans uses this variable", name)}
			o.Shared.unused = append(o.Shared.unused, lackedVar{name: name, err: e})
		case !used:
			r.failCommandLine("", "--var %s: nothing in the plan uses this variable", name)
		}
	}
}
