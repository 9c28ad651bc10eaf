package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

const (
	maxSteps = 10_000    // of a plan, each instance of a repeated step counted
	maxNeeds = 1_000_000 // of all steps together, each instance that one waits for counted
)

// loopKey matches the keys of instances.
var loopKey = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// loopStep matches a for_each over the instances of another step.
var loopStep = lazyregexp.New(`^\$\{steps\.([^.}]*)\}$`)

// A stepEntry is one entry of steps in a file. It becomes one step, or with
// for_each one for each key.
type stepEntry struct {
	in      *reader
	id      string
	pos     Pos
	value   *node
	fields  fields
	invalid bool // it is not a mapping, which is reported

	repeated  bool
	over      *stepEntry // for_each is ${steps.ID} of this one
	state     varState   // of the instances
	instances []*instance
	byKey     map[string]*instance
	needs     []needEntry
}

// An instance is one step that an entry becomes.
type instance struct {
	key, value string // of for_each; "" for a step without
	on         bool   // it runs
	unknown    bool   // it stands in for the instances that there are not: key and value are not known
}

// A needEntry is one entry of the needs of a step, which may be repeated.
type needEntry struct {
	to  *stepEntry
	pos Pos
}

// address returns the name of a step that an entry becomes.
func (s *stepEntry) address(i *instance) string {
	if !s.repeated || i.unknown {
		return s.id
	}
	return Address(s.id, i.key)
}

// Address returns the name of one instance of a step with for_each: sites["edge1"].
func Address(id, key string) string { return id + `["` + key + `"]` }

// shown returns the address as messages show it.
func (s *stepEntry) shown(i *instance) string {
	if s.repeated {
		return s.address(i)
	}
	return strconv.Quote(s.id)
}

// BaseOf returns the id in the address of an instance.
func BaseOf(address string) string {
	id, _, _ := strings.Cut(address, "[")
	return id
}

// all returns the instances of an entry. Without any, it returns one that is off: what
// the entry says is checked also then, and what needs it waits for what it needs.
func (s *stepEntry) all() []*instance {
	if len(s.instances) == 0 {
		return []*instance{{unknown: true}}
	}
	return s.instances
}

// collectSteps collects the entries of steps of the file, since a reference may name
// a step that comes later.
func (r *reader) collectSteps(section *node) {
	if section == nil || !r.wantMapping(section, "steps") {
		return
	}
	for _, e := range section.entries {
		if first := r.step[e.key]; first != nil {
			r.failTwice(e.keyPos, "step", e.key, first.in.src, first.pos)
			continue
		}
		s := &stepEntry{in: r, id: e.key, pos: e.keyPos, value: e.value}
		r.wantName(e, "step", stepID, "lower-case letters, digits and _")
		r.steps = append(r.steps, s)
		r.step[e.key] = s
		name := fmt.Sprintf("step %q", e.key)
		if s.invalid = !r.wantMapping(e.value, name); !s.invalid {
			s.fields = r.stepFields(e.value, name)
		}
	}
}

// repeat finds the instances of a step. path holds the steps that wait for them; if
// s is one of these, they form a cycle.
func (s *stepEntry) repeat(path []*stepEntry) {
	switch {
	case s.state == varReading:
		ids := []string{}
		for _, on := range append(path[slices.Index(path, s):], s) {
			ids = append(ids, on.id)
		}
		s.in.fail(s.pos, "", "the for_each of steps refer to each other in a circle: %s", strings.Join(ids, " -> "))
		return
	case s.state != varUnread:
		return
	}
	s.state = varReading
	loop := s.fields.value("for_each")
	s.repeated = loop != nil
	ok := true
	if !s.repeated {
		s.instances = []*instance{{on: true}}
	} else {
		s.instances, ok = s.in.readLoop(s, loop, append(path, s))
	}
	if s.state = varKnown; !ok {
		s.state = varBroken
	}
	s.in.choose(s)
	s.byKey = make(map[string]*instance, len(s.instances))
	for _, i := range s.instances {
		s.byKey[i.key] = i
	}
}

// readLoop reads for_each.
func (r *reader) readLoop(s *stepEntry, n *node, path []*stepEntry) ([]*instance, bool) {
	if n.reported {
		return nil, false
	}
	if match := loopStep.FindStringSubmatch(n.text); match != nil && n.kind == isScalar {
		return r.loopOverStep(s, n, match[1], path)
	}
	r.fill(n, n.pos, refRules{loop: true})
	switch {
	case n.reported:
		return nil, false
	case n.kind == isScalar:
		return nil, r.fail(n.pos, "write a list, a mapping, ${vars.NAME} of one, or ${steps.ID} of a step with for_each",
			"for_each must be a list or a mapping, is %s", n.describe())
	}
	all, ok := []*instance{}, !n.incomplete
	for i, it := range n.items {
		text, good := r.loopText(it, fmt.Sprintf("item %d of for_each", i+1), "")
		ok = good && r.checkKey(it.pos, text, "; for other texts write a mapping of keys to texts") && ok
		all = append(all, &instance{key: text, value: text, on: true})
	}
	for _, e := range n.entries {
		text, good := r.loopText(e.value, fmt.Sprintf("%q of for_each", e.key), e.key)
		ok = r.checkKey(e.keyPos, e.key, "") && good && ok
		all = append(all, &instance{key: e.key, value: text, on: true})
	}
	return all, ok && r.distinct(n, all)
}

// loopText returns one text of for_each. It reports what is none.
func (r *reader) loopText(n *node, name, key string) (text string, ok bool) {
	if n.reported {
		return "", false
	}
	text, wrong := n.wantText(name, key)
	return text, wrong == nil || r.failWith(n.pos, wrong)
}

// checkKey reports whether a text can be the key of an instance.
func (r *reader) checkKey(pos Pos, key, more string) bool {
	return loopKey.MatchString(key) || r.fail(pos, "keys begin with a letter or digit and consist of letters, digits, ., _ and -"+more,
		"%q cannot be the key of an instance", key)
}

// distinct reports whether the keys of all instances differ.
func (r *reader) distinct(n *node, all []*instance) bool {
	seen := map[string]bool{}
	for i, it := range all {
		if seen[it.key] {
			pos := n.pos
			if i < len(n.items) {
				pos = n.items[i].pos
			}
			return r.fail(pos, "", "for_each has %q twice", it.key)
		}
		seen[it.key] = true
	}
	return true
}

// loopOverStep returns the instances of another step that are on.
func (r *reader) loopOverStep(s *stepEntry, n *node, id string, path []*stepEntry) ([]*instance, bool) {
	to := r.step[id]
	switch {
	case to == nil:
		return nil, r.fail(n.mark(0), r.didYouMean(id, r.stepIDs()), "there is no step %q", id)
	case to == s:
		return nil, r.fail(n.mark(0), "", "step %q cannot repeat itself", id)
	}
	if to.repeat(path); to.state != varKnown {
		return nil, false
	}
	if !to.repeated {
		return nil, r.fail(n.mark(0), "", "step %q has no for_each, so it has no instances", id)
	}
	s.over = to
	all := []*instance{}
	for _, i := range to.instances {
		if i.on {
			all = append(all, &instance{key: i.key, value: i.value, on: true})
		}
	}
	return all, true
}

// follows reports whether a step has the keys of another one, since it repeats that
// one's instances, directly or through others.
func (s *stepEntry) follows(to *stepEntry) bool {
	for s = s.over; s != nil; s = s.over {
		if s == to {
			return true
		}
	}
	return false
}

// countSteps reports steps beyond the largest number of them.
func (w *whole) countSteps() bool {
	total := 0
	for _, s := range w.steps {
		if total += len(s.all()); total > maxSteps {
			return s.in.fail(s.pos, "", "with the instances of step %q the plan has more than %d steps", s.id, maxSteps)
		}
	}
	return true
}

// needsOf returns what an instance of a step waits for. A step over the instances of
// another one waits for the one with its key.
func (s *stepEntry) needsOf(i *instance) []Need {
	var needs []Need
	for _, need := range s.needs {
		if same := need.to.byKey[i.key]; same != nil && s.follows(need.to) {
			needs = append(needs, Need{ID: need.to.address(same), Pos: need.pos})
			continue
		}
		for _, other := range need.to.all() {
			needs = append(needs, Need{ID: need.to.address(other), Pos: need.pos})
		}
	}
	return needs
}

// checkStepRef checks a reference to an output of a step, and finds the instance.
func (r *reader) checkStepRef(ref *reference, in refRules) bool {
	name := ref.names[0]
	to := r.step[name]
	switch {
	case in.loop:
		return r.fail(ref.pos, "write ${steps.ID} of a step with for_each, to repeat its instances", "the outputs of steps are not known when the plan is read")
	case !in.outputs:
		return r.fail(ref.pos, "", "references to steps are only allowed below the with of a step")
	case to == in.step:
		return r.fail(ref.pos, "", "step %q refers to its own output", name)
	case to == nil:
		return r.fail(ref.pos, r.didYouMean(name, r.stepIDs()), "there is no step %q", name)
	case to.state != varKnown:
		return false // the mistake in its for_each is reported
	case to.repeated && ref.bracket == "":
		return r.fail(ref.pos, bracketHint(to, in, ref.names[1]), "step %q is repeated, so its outputs need a key", name)
	case !to.repeated && ref.bracket != "":
		return r.fail(ref.pos, "write ${steps."+name+"."+ref.names[1]+"}", "step %q has no for_each, so it has no instances", name)
	case ref.bracket == eachKey && !in.step.repeated:
		return r.fail(ref.pos, "", "each.key stands only in a step with for_each")
	case ref.bracket == eachKey && in.each.unknown:
		return true
	}
	return r.findInstance(to, ref, in)
}

// findInstance gives a reference the address of the step that it means.
func (r *reader) findInstance(to *stepEntry, ref *reference, in refRules) bool {
	key := strings.Trim(ref.bracket, `"`)
	if ref.bracket == eachKey {
		key = in.each.key
	}
	found := to.byKey[key]
	if found == nil {
		hint := human.DidYouMean(key, slices.Sorted(maps.Keys(to.byKey)))
		return r.fail(ref.pos, hint, "step %q has no instance %q", to.id, key)
	}
	if in.each.on && !found.on {
		return r.fail(ref.pos, "let this step have the same when, or write what it needs", "step %s is off, since its when is not true", to.shown(found))
	}
	ref.step = to.address(found)
	return true
}

// bracketHint says how to refer to an output of a repeated step.
func bracketHint(to *stepEntry, in refRules, output string) string {
	hint := ""
	if in.step.repeated {
		hint = fmt.Sprintf("write ${steps.%s[each.key].%s} for the instance with the same key, or ", to.id, output)
	}
	key := "KEY"
	if len(to.instances) > 0 {
		key = to.instances[0].key
	}
	if hint == "" {
		hint = "write "
	}
	return hint + fmt.Sprintf(`'${steps.%s["%s"].%s}' for one of them`, to.id, key, output)
}
