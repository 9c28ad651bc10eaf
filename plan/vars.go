package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxText bounds one text after its variables are replaced, and maxGrowth all
// of a file's together: variables made of variables grow exponentially.
const (
	maxText   = 64 << 10
	maxGrowth = 8 << 20
)

// A scope holds the variables that a file's references can name.
type scope struct {
	vars  map[string]*variable
	outer *scope // of the plan, for a connections file
}

// A variable has a value of its own in the file, or one given from outside.
type variable struct {
	name  string
	node  *node   // its value in the file
	at    Pos     // of its name
	given *string // overrides node; literal text
	used  bool

	state varState
	value string
}

type varState uint8

const (
	unread varState = iota
	reading
	known
	broken
)

// find gives a variable, looking outwards.
func (s *scope) find(name string) *variable {
	for ; s != nil; s = s.outer {
		if v := s.vars[name]; v != nil {
			return v
		}
	}
	return nil
}

// names gives all the names there are, sorted.
func (s *scope) names() []string {
	all := map[string]bool{}
	for ; s != nil; s = s.outer {
		for name := range s.vars {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// readVars reads the vars section of a file.
func (r *reader) readVars(section *node) {
	if section == nil || !r.wantMapping(section, "vars") {
		return
	}
	for _, e := range section.entries {
		if !r.wantName(e, "variable", refName, "lower-case letters, digits and _") {
			continue
		}
		e.value.hush = secretKey(e.key)
		r.scope.vars[e.key] = &variable{name: e.key, node: e.value, at: e.keyPos}
	}
}

// settle evaluates every variable, so that mistakes in unused ones are told too.
func (r *reader) settle() {
	own := slices.Collect(maps.Values(r.scope.vars))
	slices.SortFunc(own, func(a, b *variable) int { return comparePos(a.at, b.at) })
	for _, v := range own {
		r.evaluate(v, nil)
	}
}

func comparePos(a, b Pos) int {
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Col - b.Col
}

// evaluate gives a variable its value. path is the variables being evaluated,
// which are a circle when v is among them.
func (r *reader) evaluate(v *variable, path []*variable) {
	switch {
	case v.state == reading:
		r.circle(v, path)
		return
	case v.state != unread:
		return
	case v.given != nil:
		v.value, v.state = *v.given, known
		return
	}
	v.state = reading
	text, ok := r.varText(v, append(path, v))
	if v.state = known; !ok {
		v.state = broken
	}
	v.value = text
}

// circle reports variables that need each other, once, at the first of them.
func (r *reader) circle(v *variable, path []*variable) {
	start := slices.Index(path, v)
	names := make([]string, 0, len(path)-start+1)
	for _, on := range path[start:] {
		names = append(names, on.name)
	}
	r.fail(v.at, "", "variables need each other in a circle: %s", strings.Join(append(names, v.name), " -> "))
}

// varText gives the text of a variable's own value.
func (r *reader) varText(v *variable, path []*variable) (string, bool) {
	if v.node.bad {
		return "", false
	}
	text, wrong := v.node.wantText(fmt.Sprintf("variable %q", v.name), v.name)
	if wrong != nil {
		if v.node.null {
			wrong.hint = "give it one here or with --var " + v.name + "=..."
		}
		return "", r.complain(v.node.pos, wrong)
	}
	if len(v.node.marks) == 0 {
		return text, true
	}
	ok := true
	parts := splitRefs(v.node, func(p Pos, c *complaint) { ok = r.complain(p, c) })
	var out strings.Builder
	for _, p := range parts {
		switch {
		case p.ref == nil:
			out.WriteString(p.lit)
		case p.ref.head != "vars":
			ok = r.fail(p.ref.pos, "", "a variable cannot refer to %s", p.ref.head)
		default:
			value, good := r.lookup(p.ref, path)
			ok = ok && good && r.grown(v.node.pos, out.Len()+len(value))
			if ok {
				out.WriteString(value)
			}
		}
	}
	return out.String(), ok
}

// lookup gives the value of the variable that a reference names.
func (r *reader) lookup(ref *reference, path []*variable) (string, bool) {
	v := r.scope.find(ref.names[0])
	if v == nil {
		return "", r.fail(ref.pos, r.nearest(ref.names[0], r.scope.names()), "there is no variable %q", ref.names[0])
	}
	v.used = true
	r.evaluate(v, path)
	return v.value, v.state == known
}

// grown counts what replacing variables makes of the file.
func (r *reader) grown(pos Pos, size int) bool {
	r.growth += size
	switch {
	case size > maxText:
		return r.fail(pos, "", "with its variables replaced this is longer than %d bytes", maxText)
	case r.growth > maxGrowth && !r.tooBig:
		r.tooBig = true
		return r.fail(pos, "", "with its variables replaced the file is larger than %d bytes", maxGrowth)
	}
	return !r.tooBig
}
