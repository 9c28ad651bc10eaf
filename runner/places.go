package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/pathindex"
)

// A match says how what one step changes and what another one looks at go together.
type match int

const (
	noMatch    match = iota // they are different things
	maybeMatch              // the names are not known well enough
	anyMatch                // the one looks at whatever is there
	sureMatch               // the one looks at what the other changes
)

// places finds steps that look at what another one changes outside the disk without
// coming after it. If it is not certain that the two mean the same, this is a warning,
// and only if the step comes after no step that changes the place.
func (c *checker) places(g *Graph, all []nodePaths) {
	m := newMakers(all)
	g.makers = m
	for i, user := range all {
		if !c.bad[user.node.ID()] && !c.waitsUnknown[user.node] {
			c.looksTooEarly(user, m.of(i), m)
		}
	}
}

// makers are all steps of a plan, found by what they change.
type makers struct {
	all   []nodePaths
	fills map[Where][]int  // by the place that they fill
	below map[string][]int // by each scanned directory that is above what they write
	byID  map[string]int   // places in all
}

func newMakers(all []nodePaths) *makers {
	m := &makers{all: all, fills: map[Where][]int{}, below: map[string][]int{}, byID: map[string]int{}}
	scanned := map[string]bool{}
	for i, t := range all {
		m.byID[t.node.ID()] = i
		for _, fill := range t.Fills {
			m.fills[fill.Where] = append(m.fills[fill.Where], i)
		}
		for _, dir := range t.Scans {
			scanned[dir] = true
		}
	}
	for i, t := range all {
		for _, path := range slices.Concat(t.Writes, t.Into) {
			for dir := range pathindex.Upwards(path) {
				if scanned[dir] {
					m.below[dir] = append(m.below[dir], i)
				}
			}
		}
	}
	return m
}

// mayFill reports whether a step may change, outside the disk, what another one looks at: what its
// configuration names, or what an output names that it refers to.
func (m *makers) mayFill(maker string, user *Node) bool {
	if m == nil {
		return false
	}
	a, known := m.byID[maker]
	b, both := m.byID[user.ID()]
	if !known || !both {
		return false
	}
	refers := slices.ContainsFunc(user.Needs, func(e Edge) bool { return e.From == maker && e.Kind == Reference })
	return refers && len(m.all[a].Fills) > 0 || meet(m.all[a], m.all[b], m).how != noMatch
}

// mayFillSame reports whether two steps may fill one place: they write into the same directory, or
// change something in the same server.
func (m *makers) mayFillSame(a, b string) bool {
	if m == nil || !m.has(a) || !m.has(b) {
		return false
	}
	one, other := m.all[m.byID[a]], m.all[m.byID[b]]
	_, same := firstPair(slices.Concat(one.Writes, one.dirs()), slices.Concat(other.Writes, other.dirs()), pathindex.Overlap)
	return same || slices.ContainsFunc(one.Fills, func(f Place) bool {
		return slices.ContainsFunc(other.Fills, func(o Place) bool { return f.is() == o.is() })
	})
}

func (m *makers) has(id string) bool { _, ok := m.byID[id]; return ok }

// of returns the steps that may change what a step looks at, in file order.
func (m *makers) of(user int) []int {
	var found []int
	for _, look := range m.all[user].Looks {
		found = append(found, m.fills[look.Where]...)
	}
	for _, dir := range m.all[user].Scans {
		found = append(found, m.below[dir]...)
	}
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(i int) bool { return i == user })
}

func (c *checker) looksTooEarly(user nodePaths, candidates []int, all *makers) {
	var doubtful []meeting
	ordered, mistaken := false, false
	for _, i := range candidates {
		maker := all.all[i]
		if c.bad[maker.node.ID()] {
			continue
		}
		m := meet(maker, user, all)
		switch {
		case m.how == noMatch:
		case user.node.after(maker.node), m.looksBefore():
			ordered = true
		case m.how == maybeMatch:
			doubtful = append(doubtful, m)
		default:
			mistaken = true
			msg, hint := m.words("which step")
			c.report(user.node.Step, user.node.Step.Pos, msg, hint)
		}
	}
	if len(doubtful) > 0 && !ordered && !mistaken {
		msg, hint := doubtful[0].words("which perhaps step")
		c.warn(user.node.Step, msg, hint)
	}
}

// A meeting is what one step changes and another one looks at.
type meeting struct {
	maker, user nodePaths
	what        string // the name in messages
	how         match
}

// looksBefore reports whether the plan says that the step looks before the other one
// changes anything. A check of the very thing that comes only later is a mistake.
func (m *meeting) looksBefore() bool {
	return m.maker.node.after(m.user.node) && (m.how != sureMatch || !m.user.node.Type.Check)
}

// words returns the message and the hint for a step that does not wait.
func (m *meeting) words(which string) (msg, hint string) {
	msg = fmt.Sprintf("looks at %s, %s %s changes, but does not come after it", m.what, which, quoted(m.maker.node.ID()))
	return msg, orderHint(m.maker, m.user)
}

// meet finds the closest match of what maker changes and user looks at.
func meet(maker, user nodePaths, all *makers) meeting {
	found := meeting{maker: maker, user: user}
	consider := func(what string, how match) {
		if how > found.how {
			found.what, found.how = what, how
		}
	}
	for _, dir := range user.Scans {
		if path, ok := firstPair([]string{dir}, slices.Concat(maker.Writes, maker.Into), pathindex.Contains); ok {
			consider(path, anyMatch)
		}
	}
	for _, look := range user.Looks {
		for _, fill := range maker.Fills {
			if look.Where != fill.Where {
				continue
			}
			name, how := commonName(fill, look)
			if how == noMatch {
				how = compare(use{maker, fill}, use{user, look}, all)
			}
			consider(name+look.Where.String(), how)
		}
	}
	return found
}

// commonName finds a name that two places have in common, and gives it with the word
// that joins it to the place.
func commonName(fill, look Place) (string, match) {
	for _, a := range look.Names {
		for _, b := range fill.Names {
			if a != "" && b != "" && (covers(a, b) || covers(b, a)) {
				return strings.TrimRight(a, ":/*") + " in ", sureMatch
			}
		}
	}
	return "", noMatch
}

// covers reports whether b is a, or one of the names that a stands for.
func covers(a, b string) bool {
	prefix, many := strings.CutSuffix(a, "*")
	return a == b || many && strings.HasPrefix(b, prefix)
}

// A use is one place of a step.
type use struct {
	step nodePaths
	Place
}

// compare says whether two uses of one place that have no known name in common take
// their names from the same source.
func compare(fill, look use, all *makers) match {
	switch {
	case intersect(fill.Lists, look.Lists), intersect(fill.texts(), look.texts()), intersect(fill.givers(), look.givers()),
		intersect(fill.Lists, all.writtenBy(look.givers())), intersect(look.Lists, all.writtenBy(fill.givers())):
		return sureMatch
	case look.All:
		return anyMatch
	case fill.known() && look.known():
		return noMatch
	}
	return maybeMatch
}

// known reports whether all names are known.
func (u use) known() bool {
	return len(u.Lists) == 0 && len(u.texts()) == 0 && !slices.Contains(u.Names, "")
}

// texts returns the texts of the field that refer to steps.
func (u use) texts() []string {
	if u.Field == "" {
		return nil
	}
	return u.step.node.Step.With.Unresolved(u.Field)
}

// givers returns the steps whose output is the whole field, or the path of one of the
// lists.
func (u use) givers() []string {
	var ids []string
	for _, ref := range u.step.node.Step.With.Refs() {
		if ref.Whole && u.Field != "" && (ref.Path == u.Field || slices.Contains(u.ListFields, ref.Path)) {
			ids = append(ids, ref.Step)
		}
	}
	return ids
}

// writtenBy returns the files that steps write.
func (m *makers) writtenBy(ids []string) []string {
	var paths []string
	for _, id := range ids {
		if i, ok := m.byID[id]; ok {
			paths = append(paths, m.all[i].Writes...)
		}
	}
	return paths
}

func intersect(as, bs []string) bool {
	return slices.ContainsFunc(as, func(a string) bool { return slices.Contains(bs, a) })
}
