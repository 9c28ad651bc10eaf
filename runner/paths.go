package runner

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/bayplan/bayplan/internal/pathindex"
)

// A nodePaths is a node with the paths that it touches.
type nodePaths struct {
	node *Node
	Paths
}

// paths finds steps that write the same file, and steps that use what another one
// makes without coming after it. It reports one mistake for a pair of steps, and
// nothing more about a step that writes the file of another.
func (c *checker) paths(g *Graph) {
	c.findUnknownWaits(g)
	all := c.nodePaths(g)
	pairs := pathPairs(all)
	c.eachPair(all, pairs, func(a, b nodePaths) {
		if c.sameFile(a, b) {
			c.bad[b.node.ID()] = true
		}
	})
	c.eachPair(all, pairs, func(a, b nodePaths) {
		if !c.unordered(a, b) {
			c.unordered(b, a)
		}
	})
	c.otherSites(all, pairs)
	c.filledTwice(all)
	c.places(g, all)
}

// pathPairs returns the pairs of steps that may concern each other by their paths, in file
// order.
func pathPairs(all []nodePaths) [][2]int {
	reads, writes, dirs, makes := pathindex.Index{}, pathindex.Index{}, pathindex.Index{}, pathindex.Index{}
	for i, t := range all {
		reads.Add(t.Reads, i)
		writes.Add(t.Writes, i)
		dirs.Add(t.dirs(), i)
		makes.Add(t.Makes, i)
	}
	found := pathindex.Pairs{}
	for i, t := range all {
		found.Above(writes, slices.Concat(t.Writes, t.dirs(), t.Reads), i)
		found.Above(reads, slices.Concat(t.Writes, t.dirs()), i)
		found.Above(dirs, t.Reads, i)
		found.Above(makes, slices.Concat(t.Into, t.Writes), i)
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b [2]int) int { return cmp.Or(a[0]-b[0], a[1]-b[1]) })
}

// findUnknownWaits finds the nodes that may have been meant to wait for more than they do.
func (c *checker) findUnknownWaits(g *Graph) {
	c.waitsUnknown = map[*Node]bool{}
	for _, n := range slices.Concat(g.order, g.Nodes) { // those on cycles have no place in the order
		c.waitsUnknown[n] = c.waitsUnknown[n] || c.waitsUnknownFor[n.ID()] || slices.ContainsFunc(n.Needs, func(e Edge) bool { return c.waitsUnknown[g.byID[e.From]] })
	}
}

// eachPair calls f for each pair in file order, except for steps that have a mistake
// by then, and for those that run on different hosts.
func (c *checker) eachPair(all []nodePaths, pairs [][2]int, f func(a, b nodePaths)) {
	for _, pair := range pairs {
		a, b := all[pair[0]], all[pair[1]]
		if !c.bad[a.node.ID()] && !c.bad[b.node.ID()] && !c.apart(a.node.Step, b.node.Step) {
			f(a, b)
		}
	}
}

// nodePaths asks the steps without mistakes for the paths that they touch.
func (c *checker) nodePaths(g *Graph) []nodePaths {
	var all []nodePaths
	for _, n := range g.Nodes {
		if c.bad[n.ID()] {
			continue
		}
		step := g.newStep(n)
		p, ok := step.(Pather)
		if !ok {
			continue
		}
		if errs := n.Step.With.Decode(step, nil); len(errs) > 0 {
			continue
		}
		paths := p.Paths()
		all = append(all, nodePaths{n, Paths{
			Reads:  cleaned(paths.Reads),
			Writes: cleaned(paths.Writes),
			Into:   cleaned(paths.Into),
			Makes:  cleaned(paths.Makes),
			Scans:  cleaned(paths.Scans),
			Fills:  paths.Fills,
			Looks:  paths.Looks,
		}})
	}
	return all
}

// sameFile reports a mistake if the later step b writes the file that a writes, or if
// one needs a directory where the other writes a file.
func (c *checker) sameFile(a, b nodePaths) bool {
	if path, ok := firstPair(a.Writes, b.Writes, func(x, y string) bool { return x == y }); ok {
		c.report(b.node.Step, b.node.Step.Pos, fmt.Sprintf("writes %s, which step %s writes too", path, quoted(a.node.ID())), sameStepHint(a, b))
		return true
	}
	if path, ok := firstPair(a.Writes, b.dirs(), pathindex.Contains); ok {
		c.report(b.node.Step, b.node.Step.Pos, fmt.Sprintf("needs %s as a directory, which step %s writes as a file", path, quoted(a.node.ID())), "")
		return true
	}
	if path, ok := firstPair(b.Writes, a.dirs(), pathindex.Contains); ok {
		c.report(b.node.Step, b.node.Step.Pos, fmt.Sprintf("writes %s as a file, which step %s needs as a directory", path, quoted(a.node.ID())), "")
		return true
	}
	return false
}

// unordered reports a mistake if user uses what maker makes but does not come after it.
func (c *checker) unordered(maker, user nodePaths) bool {
	if user.node.after(maker.node) || c.waitsUnknown[user.node] {
		return false
	}
	verb, path, ok := dependence(maker, user)
	if !ok {
		return false
	}
	msg := fmt.Sprintf("%s %s, which step %s makes, but does not come after it", verb, path, quoted(maker.node.ID()))
	c.report(user.node.Step, user.node.Step.Pos, msg, orderHint(maker, user))
	return true
}

// orderHint says how to make user come after maker.
func orderHint(maker, user nodePaths) string {
	switch {
	case maker.node.after(user.node):
		return fmt.Sprintf("step %s comes after it now", quoted(maker.node.ID()))
	case maker.node.Step.Base == user.node.Step.Base:
		return ""
	}
	return fmt.Sprintf("add %q to its needs", maker.node.Step.Base)
}

// sameStepHint says how two instances of one step may differ.
func sameStepHint(a, b nodePaths) string {
	if a.node.Step.Base != b.node.Step.Base {
		return fmt.Sprintf("step %s is at %s", quoted(a.node.ID()), placeOf(a.node.Step))
	}
	return "put ${each.key} into what differs between the instances"
}

// dependence finds how user depends on what maker makes.
func dependence(maker, user nodePaths) (verb, path string, ok bool) {
	if path, ok := firstPair(maker.Writes, user.Reads, pathindex.Within); ok {
		return "reads", path, true
	}
	if path, ok := firstPair(maker.Into, user.Reads, pathindex.Overlap); ok {
		return "reads", path, true
	}
	// A file below a directory that is made empty was there before, and so was the
	// directory. Only a step that reads the directory itself has to wait.
	if path, ok := firstPair(maker.Makes, user.Reads, pathindex.Within); ok {
		return "reads", path, true
	}
	if path, ok := firstPair(maker.Makes, user.Into, pathindex.Contains); ok {
		return "writes into", path, true
	}
	if path, ok := firstPair(maker.Makes, user.Writes, pathindex.Contains); ok {
		return "writes", path, true
	}
	return "", "", false
}

// dirs returns the paths that have to be directories.
func (t nodePaths) dirs() []string {
	return append(append([]string{}, t.Into...), t.Makes...)
}

// firstPair finds the first pair for which related is true, and returns its second part.
func firstPair(as, bs []string, related func(a, b string) bool) (string, bool) {
	for _, b := range bs {
		for _, a := range as {
			if related(a, b) {
				return b, true
			}
		}
	}
	return "", false
}

// cleaned cleans paths and leaves out those that are not known yet.
func cleaned(paths []string) []string {
	var out []string
	for _, p := range paths {
		if p != "" {
			out = append(out, filepath.Clean(p))
		}
	}
	return out
}
