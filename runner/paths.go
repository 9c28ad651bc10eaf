package runner

import (
	"fmt"
	"path/filepath"
	"strings"
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
	all := c.nodePaths(g)
	c.eachPair(all, func(a, b nodePaths) {
		if c.sameFile(a, b) {
			c.bad[b.node.ID()] = true
		}
	})
	c.eachPair(all, func(a, b nodePaths) {
		if !c.unordered(a, b) {
			c.unordered(b, a)
		}
	})
	c.places(all)
}

// eachPair calls f for each pair in file order, except for steps that have a mistake
// by then.
func (c *checker) eachPair(all []nodePaths, f func(a, b nodePaths)) {
	for i, a := range all {
		for _, b := range all[i+1:] {
			if !c.bad[a.node.ID()] && !c.bad[b.node.ID()] {
				f(a, b)
			}
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
		c.report(b.node.Step.Pos, fmt.Sprintf("writes %s, which step %q writes too", path, a.node.ID()), "")
		return true
	}
	if path, ok := firstPair(a.Writes, b.dirs(), contains); ok {
		c.report(b.node.Step.Pos, fmt.Sprintf("needs %s as a directory, which step %q writes as a file", path, a.node.ID()), "")
		return true
	}
	if path, ok := firstPair(b.Writes, a.dirs(), contains); ok {
		c.report(b.node.Step.Pos, fmt.Sprintf("writes %s as a file, which step %q needs as a directory", path, a.node.ID()), "")
		return true
	}
	return false
}

// unordered reports a mistake if user uses what maker makes but does not come after it.
func (c *checker) unordered(maker, user nodePaths) bool {
	if user.node.After(maker.node.ID()) || c.waitsUnknown(user.node) {
		return false
	}
	verb, path, ok := dependence(maker, user)
	if !ok {
		return false
	}
	hint := fmt.Sprintf("add %q to its needs", maker.node.ID())
	if maker.node.After(user.node.ID()) {
		hint = fmt.Sprintf("step %q comes after it now", maker.node.ID())
	}
	c.report(user.node.Step.Pos, fmt.Sprintf("%s %s, which step %q makes, but does not come after it", verb, path, maker.node.ID()), hint)
	return true
}

// waitsUnknown reports whether a node may have been meant to wait for more than it does.
func (c *checker) waitsUnknown(n *Node) bool {
	for id := range c.waitsUnknownFor {
		if n.ID() == id || n.After(id) {
			return true
		}
	}
	return false
}

// dependence finds how user depends on what maker makes.
func dependence(maker, user nodePaths) (verb, path string, ok bool) {
	if path, ok := firstPair(maker.Writes, user.Reads, within); ok {
		return "reads", path, true
	}
	if path, ok := firstPair(maker.Into, user.Reads, overlap); ok {
		return "reads", path, true
	}
	// A file below a directory that is made empty was there before, and so was the
	// directory. Only a step that reads the directory itself has to wait.
	if path, ok := firstPair(maker.Makes, user.Reads, within); ok {
		return "reads", path, true
	}
	if path, ok := firstPair(maker.Makes, user.Into, contains); ok {
		return "writes into", path, true
	}
	if path, ok := firstPair(maker.Makes, user.Writes, contains); ok {
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

// within reports whether a is b or lies below it.
func within(a, b string) bool {
	return a == b || strings.HasPrefix(a, strings.TrimSuffix(b, "/")+"/")
}

// contains reports whether b is a or lies below it.
func contains(a, b string) bool { return within(b, a) }

func overlap(a, b string) bool { return within(a, b) || within(b, a) }

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
