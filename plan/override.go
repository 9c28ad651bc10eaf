package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// commandLine stands where an error's file would, for what no file holds.
const commandLine = "command line"

// override gives the variables their values from outside: of the plan and, in
// other, of the connections file where there is one.
func (r *reader) override(o Options, other *reader) {
	scopes := []*scope{r.scope}
	if other != nil {
		scopes = []*scope{other.scope, r.scope}
	}
	for _, s := range scopes {
		for name := range s.vars {
			for _, env := range o.Environ {
				if value, ok := strings.CutPrefix(env, "BAYPLAN_VAR_"+name+"="); ok {
					give(scopes, name, value)
				}
			}
		}
	}
	for _, file := range o.VarFiles {
		r.readVarFile(file, scopes)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Vars)) {
		if !give(scopes, name, o.Vars[name]) {
			r.onCommandLine(human.DidYouMean(name, scopes[0].names()), "--var %s: the plan has no variable %q", name, name)
		}
	}
}

// give sets a variable wherever it is declared, and says whether it is.
func give(scopes []*scope, name, value string) bool {
	found := false
	for _, s := range scopes {
		if v := s.vars[name]; v != nil {
			v.given, found = &value, true
		}
	}
	return found
}

func (r *reader) onCommandLine(hint, format string, args ...any) {
	r.errs = append(r.errs, &Error{File: commandLine, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// readVarFile takes the values of one --var-file.
func (r *reader) readVarFile(file string, scopes []*scope) {
	raw, err := readFile(file)
	if err != nil {
		r.errs = append(r.errs, &Error{File: file, Msg: "--var-file: " + err.Error()})
		return
	}
	s, root, errs := open(file, "", raw)
	r.errs = append(r.errs, errs...)
	if root == nil {
		return
	}
	in := newReader(s, nil)
	for _, e := range root.entries {
		if e.value.bad {
			continue
		}
		text, wrong := e.value.wantText(fmt.Sprintf("variable %q", e.key), e.key)
		switch {
		case scopes[0].find(e.key) == nil:
			in.fail(e.keyPos, in.nearest(e.key, scopes[0].names()), "the plan has no variable %q", e.key)
		case wrong != nil:
			in.complain(e.value.pos, wrong)
		default:
			give(scopes, e.key, text)
		}
	}
	r.errs = append(r.errs, in.finish()...)
}

// unused reports the --var that nothing refers to.
func (r *reader) unused(o Options, other *reader) {
	for _, name := range slices.Sorted(maps.Keys(o.Vars)) {
		v := r.scope.vars[name]
		used := v != nil && v.used
		if other != nil && other.scope.vars[name] != nil {
			v = other.scope.vars[name]
			used = used || v.used
		}
		if v != nil && !used {
			r.onCommandLine("", "--var %s: nothing in the plan uses this variable", name)
		}
	}
}
