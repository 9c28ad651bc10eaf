package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// commandLine is the file of an error in a flag.
const commandLine = "command line"

// overrideVars sets variables from the environment, --var-file and --var. These
// are the variables of the plan and of the connections file, other, if not nil.
func (r *reader) overrideVars(o Options, other *reader) {
	scopes := []*scope{r.scope}
	if other != nil {
		scopes = []*scope{other.scope, r.scope}
	}
	for _, s := range scopes {
		for name := range s.vars {
			for _, env := range o.Environ {
				if value, ok := strings.CutPrefix(env, "BAYPLAN_VAR_"+name+"="); ok {
					setVar(scopes, name, value)
				}
			}
		}
	}
	for _, file := range o.VarFiles {
		r.readVarFile(file, scopes)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Vars)) {
		if !setVar(scopes, name, o.Vars[name]) {
			r.failCommandLine(human.DidYouMean(name, scopes[0].names()), "--var %s: the plan has no variable %q", name, name)
		}
	}
}

// setVar sets a variable in all scopes that declare it. It reports whether there
// is one.
func setVar(scopes []*scope, name, value string) bool {
	found := false
	for _, s := range scopes {
		if v := s.vars[name]; v != nil {
			v.override, found = &value, true
		}
	}
	return found
}

func (r *reader) failCommandLine(hint, format string, args ...any) {
	r.errs = append(r.errs, &Error{File: commandLine, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// readVarFile sets the variables of one --var-file.
func (r *reader) readVarFile(file string, scopes []*scope) {
	raw, err := r.readFile(file)
	if err != nil {
		r.errs = append(r.errs, &Error{File: file, Msg: "--var-file: " + err.Error(), Hint: fault.Hint(err)})
		return
	}
	s, root, errs := openNodes(file, "", raw)
	r.errs = append(r.errs, errs...)
	if root == nil {
		return
	}
	in := newReader(s, nil)
	for _, e := range root.entries {
		if e.value.reported {
			continue
		}
		text, wrong := e.value.wantText(fmt.Sprintf("variable %q", e.key), e.key)
		switch {
		case scopes[0].find(e.key) == nil:
			in.fail(e.keyPos, in.didYouMean(e.key, scopes[0].names()), "the plan has no variable %q", e.key)
		case wrong != nil:
			in.failWith(e.value.pos, wrong)
		default:
			setVar(scopes, e.key, text)
		}
	}
	r.errs = append(r.errs, in.finish()...)
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
		if v != nil && !used {
			r.failCommandLine("", "--var %s: nothing in the plan uses this variable", name)
		}
	}
}
