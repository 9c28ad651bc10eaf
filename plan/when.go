package plan

import (
	"strings"
	"unicode/utf8"

	"github.com/bayplan/bayplan/internal/condition"
)

// choose turns off the instances of a step for which its when is not true.
func (r *reader) choose(s *stepEntry) {
	n := s.fields.value("when")
	if n == nil || n.reported || !r.wantCondition(n) {
		return
	}
	c, err := condition.Compile(n.text, condition.Names{Var: r.conditionVar, Each: s.repeated})
	if err != nil {
		r.failCondition(n, err)
	}
	if c == nil {
		return
	}
	for _, i := range s.instances {
		if i.on, err = c.Holds(i.key, i.value); err != nil {
			r.failCondition(n, err)
			return
		}
	}
}

// wantCondition reports whether a node may be an expression, and all of it.
func (r *reader) wantCondition(n *node) bool {
	switch {
	case n.kind != isScalar || n.null || n.yamlType == "a number":
		return r.fail(n.pos, "write a condition, as when: vars.NAME == 'yes'", "when must be an expression, is %s", n.describe())
	case len(n.marks) > 0:
		return r.fail(n.mark(0), "write vars.NAME", "an expression names variables without ${ }")
	case n.plain && strings.HasPrefix(strings.TrimSpace(r.behind(n)), "#"):
		return r.fail(n.pos, "quote the expression, or put the comment on a line of its own", "what is behind the # does not belong to the expression")
	}
	return true
}

// behind returns what stands behind a scalar of one line, as far as that is certain.
func (r *reader) behind(n *node) string {
	line := r.src.line(n.pos.Line)
	line = line[byteOffset(line, n.pos.Col):]
	rest, found := strings.CutPrefix(line, n.text)
	if !found {
		return ""
	}
	return rest
}

// conditionVar returns the value of a variable as package condition takes it.
func (r *reader) conditionVar(name string) (any, *condition.Error) {
	v := r.scope.find(name)
	if v == nil {
		return nil, &condition.Error{Msg: "there is no variable \"" + name + "\"", Hint: r.didYouMean(name, r.scope.names())}
	}
	v.used = true
	if v.evaluate(nil); v.state != varKnown {
		return nil, nil
	}
	switch v.value.kind {
	case isMapping:
		m := map[string]string{}
		for _, it := range v.value.items {
			m[it.key] = it.text
		}
		return m, nil
	case isSequence:
		list := make([]string, len(v.value.items))
		for i, it := range v.value.items {
			list[i] = it.text
		}
		return list, nil
	}
	return v.value.text, nil
}

// failCondition adds a mistake in an expression, at its place if the expression stands
// in the file as it is.
func (r *reader) failCondition(n *node, err *condition.Error) {
	pos := n.pos
	line := r.src.line(pos.Line)
	line = line[byteOffset(line, pos.Col):]
	if at := strings.Index(line, n.text); at == 0 || at == 1 {
		pos.Col += at + min(err.Offset, utf8.RuneCountInString(n.text))
	}
	r.fail(pos, err.Hint, "when: %s", err.Msg)
}
