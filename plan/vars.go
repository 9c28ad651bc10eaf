package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// maxText is the largest size of one text after its variables are replaced,
// maxGrowth that of all of them and of all copies of repeated steps together.
// Variables that refer to variables can grow exponentially.
const (
	maxText   = 64 << 10
	maxGrowth = 32 << 20
	nodeSize  = 40 // about what a value takes besides its text, in bytes
)

// A scope holds the variables that a plan's references can name.
type scope struct {
	vars  map[string]*variable
	outer *scope // of the plan, for a connections file
}

// A variable has a value in a file, which one from outside may override.
type variable struct {
	name     string
	in       *reader   // of the file that declares it
	node     *node     // its value in the file
	pos      Pos       // of its name
	override *varValue // the value from outside, literal texts; nil if there is none
	used     bool

	state varState
	value varValue
}

type varState uint8

const (
	varUnread varState = iota
	varReading
	varKnown
	varBroken
)

// A varValue is the value of a variable: a text, a list of texts, or a mapping of
// texts to texts.
type varValue struct {
	kind  kind
	text  string
	items []pair // of a list or a mapping, in file order
}

// A pair is a key of a mapping with its text. In a list, both are the text.
type pair struct{ key, text string }

// size returns about how many bytes the value takes where it is inserted.
func (v varValue) size() int {
	size := len(v.text)
	for _, it := range v.items {
		size += len(it.text) + nodeSize
	}
	return size
}

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
		markSensitive(e.value, e.key)
		for _, below := range e.value.entries {
			markSensitive(below.value, below.key)
		}
		// What one file leaves open, another one may define.
		if first := r.scope.vars[e.key]; first != nil && !first.node.null {
			if !e.value.null {
				r.failTwice(e.keyPos, "variable", e.key, first.in.src, first.pos)
			}
			continue
		}
		r.scope.vars[e.key] = &variable{name: e.key, in: r, node: e.value, pos: e.keyPos}
	}
}

// evaluateVars evaluates all variables, so that mistakes in unused ones are
// reported, too.
func (w *whole) evaluateVars() {
	for _, v := range w.scope.sorted() {
		v.evaluate(nil)
	}
}

// sorted returns the variables of the scope in the order of their places.
func (s *scope) sorted() []*variable {
	return slices.SortedFunc(maps.Values(s.vars), func(a, b *variable) int {
		if a.in != b.in {
			return strings.Compare(a.in.src.file, b.in.src.file)
		}
		return comparePos(a.pos, b.pos)
	})
}

func comparePos(a, b Pos) int {
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Col - b.Col
}

// evaluate computes the value of a variable. path holds the variables that are
// being evaluated; if v is one of them, they form a cycle.
func (v *variable) evaluate(path []*variable) {
	switch {
	case v.state == varReading:
		v.in.reportCycle(v, path)
		return
	case v.state != varUnread:
		return
	case v.override != nil:
		v.value, v.state = *v.override, varKnown
		return
	}
	v.state = varReading
	value, ok := v.in.varValue(v, append(path, v))
	if v.state = varKnown; !ok {
		v.state = varBroken
	}
	v.value = value
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

// varValue returns a variable's value in the file.
func (r *reader) varValue(v *variable, path []*variable) (varValue, bool) {
	n := v.node
	if n.reported {
		return varValue{}, false
	}
	name := fmt.Sprintf("variable %q", v.name)
	if n.kind == isScalar {
		if n.null {
			return varValue{}, r.fail(n.pos, "give it one here or with --var "+v.name+"=...", "%s has no value", name)
		}
		if from := r.alias(n); from != nil {
			from.used = true
			from.evaluate(path)
			return from.value, from.state == varKnown
		}
		text, ok := r.varText(n, name, v.name, path)
		return varValue{text: text}, ok
	}
	value, good := varValue{kind: n.kind}, !n.incomplete
	for i, it := range n.items {
		text, ok := r.varText(it, fmt.Sprintf("item %d of %s", i+1, name), "", path)
		value.items, good = append(value.items, pair{text, text}), good && ok
	}
	for _, e := range n.entries {
		text, ok := r.varText(e.value, fmt.Sprintf("%s of %s", strconv.Quote(e.key), name), e.key, path)
		value.items, good = append(value.items, pair{e.key, text}), good && ok
	}
	return value, good
}

// alias returns the variable that makes up a whole scalar, or nil. The scalar then
// stands for all of it, also for a list or a mapping.
func (r *reader) alias(n *node) *variable {
	if len(n.marks) == 0 {
		return nil
	}
	only := wholeRef(splitRefs(n, func(Pos, *problem) {}))
	if only == nil || only.head != "vars" || len(only.names) > 1 {
		return nil
	}
	return r.scope.find(only.names[0])
}

// varText returns one text of a variable's value in the file.
func (r *reader) varText(n *node, name, key string, path []*variable) (string, bool) {
	if n.reported {
		return "", false
	}
	text, wrong := n.wantText(name, key)
	if wrong != nil {
		return "", r.failWith(n.pos, wrong)
	}
	if len(n.marks) == 0 {
		return text, true
	}
	ok := true
	parts := splitRefs(n, func(p Pos, c *problem) { ok = r.failWith(p, c) })
	var out strings.Builder
	for _, p := range parts {
		switch {
		case p.ref == nil:
			out.WriteString(p.lit)
		case p.ref.head != "vars":
			ok = r.fail(p.ref.pos, "", "a variable cannot refer to %s", p.ref.head)
		default:
			value, good := r.lookupText(p.ref, path)
			ok = ok && good && r.countText(n.pos, out.Len()+len(value))
			if ok {
				out.WriteString(value)
			}
		}
	}
	return out.String(), ok
}

// lookup returns the value of the variable that a reference names, or the text
// below the reference's key.
func (r *reader) lookup(ref *reference, path []*variable) (varValue, bool) {
	v := r.scope.find(ref.names[0])
	if v == nil {
		return varValue{}, r.fail(ref.pos, r.didYouMean(ref.names[0], r.scope.names()), "there is no variable %q", ref.names[0])
	}
	v.used = true
	v.evaluate(path)
	if len(ref.names) == 1 || v.state != varKnown {
		return v.value, v.state == varKnown
	}
	if v.value.kind != isMapping {
		return varValue{}, r.fail(ref.pos, "", "variable %q is %s, which has no key %q", v.name, v.value.kind, ref.names[1])
	}
	keys := make([]string, len(v.value.items))
	for i, it := range v.value.items {
		if keys[i] = it.key; it.key == ref.names[1] {
			return varValue{text: it.text}, true
		}
	}
	return varValue{}, r.fail(ref.pos, human.DidYouMean(ref.names[1], keys), "variable %q has no key %q", v.name, ref.names[1])
}

// lookupText is lookup for a place that takes only a text.
func (r *reader) lookupText(ref *reference, path []*variable) (string, bool) {
	value, ok := r.lookup(ref, path)
	if ok && value.kind != isScalar {
		return "", r.fail(ref.pos, formHint(value.kind, ref), "variable %q is %s and cannot stand inside text", ref.names[0], value.kind)
	}
	return value.text, ok
}

// formHint says how to use a variable that is no text.
func formHint(k kind, ref *reference) string {
	hint := "use the reference as the whole value of a setting that takes " + k.String()
	if k == isMapping {
		hint += ", or write ${vars." + ref.names[0] + ".KEY}"
	}
	return hint
}

// countText adds the size of a text with its variables replaced. It adds a mistake
// and returns false if the text or the plan grows too large.
func (r *reader) countText(pos Pos, size int) bool {
	if size > maxText {
		return r.fail(pos, "", "with its variables replaced this is longer than %d bytes", maxText)
	}
	return r.grow(pos, size)
}

// grow adds the size of what is put into the plan. It adds a mistake and returns
// false if the plan grows too large.
func (r *reader) grow(pos Pos, size int) bool {
	if r.growth += size; r.growth > maxGrowth && !r.tooBig {
		r.tooBig = true
		return r.fail(pos, "", "with its variables replaced and its steps repeated the plan is larger than %d bytes", maxGrowth)
	}
	return !r.tooBig
}
