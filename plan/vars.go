package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxText is the largest size of one text after its variables are replaced,
// maxGrowth that of all texts of a file together. Variables that refer to
// variables can grow exponentially.
const (
	maxText   = 64 << 10
	maxGrowth = 8 << 20
)

// A scope holds the variables that a file's references can name.
type scope struct {
	vars  map[string]*variable
	outer *scope // of the plan, for a connections file
}

// A variable has a value in the file, which one from outside may override.
type variable struct {
	name     string
	node     *node   // its value in the file
	pos      Pos     // of its name
	override *string // the value from outside, literal text; nil if there is none
	used     bool

	state varState
	value string
}

type varState uint8

const (
	varUnread varState = iota
	varReading
	varKnown
	varBroken
)

// find returns a variable of the scope or else of the scopes around it, or nil.
func (s *scope) find(name string) *variable {
	for ; s != nil; s = s.outer {
		if v := s.vars[name]; v != nil {
			return v
		}
	}
	return nil
}

// names returns the names of all variables that find can find, sorted.
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
		e.value.sensitive = secretKey(e.key)
		r.scope.vars[e.key] = &variable{name: e.key, node: e.value, pos: e.keyPos}
	}
}

// evaluateVars evaluates all variables of the file, so that mistakes in unused
// ones are reported, too.
func (r *reader) evaluateVars() {
	own := slices.Collect(maps.Values(r.scope.vars))
	slices.SortFunc(own, func(a, b *variable) int { return comparePos(a.pos, b.pos) })
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

// evaluate computes the value of a variable. path holds the variables that are
// being evaluated; if v is one of them, they form a cycle.
func (r *reader) evaluate(v *variable, path []*variable) {
	switch {
	case v.state == varReading:
		r.reportCycle(v, path)
		return
	case v.state != varUnread:
		return
	case v.override != nil:
		v.value, v.state = *v.override, varKnown
		return
	}
	v.state = varReading
	text, ok := r.varText(v, append(path, v))
	if v.state = varKnown; !ok {
		v.state = varBroken
	}
	v.value = text
}

// reportCycle adds one mistake for variables that refer to each other in a cycle,
// at the first of them.
func (r *reader) reportCycle(v *variable, path []*variable) {
	start := slices.Index(path, v)
	names := make([]string, 0, len(path)-start+1)
	for _, on := range path[start:] {
		names = append(names, on.name)
	}
	r.fail(v.pos, "", "variables refer to each other in a circle: %s", strings.Join(append(names, v.name), " -> "))
}

// varText returns the text of a variable's value in the file.
func (r *reader) varText(v *variable, path []*variable) (string, bool) {
	if v.node.reported {
		return "", false
	}
	text, wrong := v.node.wantText(fmt.Sprintf("variable %q", v.name), v.name)
	if wrong != nil {
		if v.node.null {
			wrong.hint = "give it one here or with --var " + v.name + "=..."
		}
		return "", r.failWith(v.node.pos, wrong)
	}
	if len(v.node.marks) == 0 {
		return text, true
	}
	ok := true
	parts := splitRefs(v.node, func(p Pos, c *problem) { ok = r.failWith(p, c) })
	var out strings.Builder
	for _, p := range parts {
		switch {
		case p.ref == nil:
			out.WriteString(p.lit)
		case p.ref.head != "vars":
			ok = r.fail(p.ref.pos, "", "a variable cannot refer to %s", p.ref.head)
		default:
			value, good := r.lookup(p.ref, path)
			ok = ok && good && r.countGrowth(v.node.pos, out.Len()+len(value))
			if ok {
				out.WriteString(value)
			}
		}
	}
	return out.String(), ok
}

// lookup returns the value of the variable that a reference names.
func (r *reader) lookup(ref *reference, path []*variable) (string, bool) {
	v := r.scope.find(ref.names[0])
	if v == nil {
		return "", r.fail(ref.pos, r.didYouMean(ref.names[0], r.scope.names()), "there is no variable %q", ref.names[0])
	}
	v.used = true
	r.evaluate(v, path)
	return v.value, v.state == varKnown
}

// countGrowth adds the size of a text with its variables replaced. It adds a
// mistake and returns false if the text or the file grows too large.
func (r *reader) countGrowth(pos Pos, size int) bool {
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
