package runner

import (
	"fmt"
	"path/filepath"
	"strings"
)

// A touch is a node with the paths that it touches.
type touch struct {
	node *Node
	Paths
}

// paths finds steps that write the same file, and steps that use what another
// one makes without coming after it. One finding a pair of steps is enough, and
// of a step that writes what is another's nothing more is said.
func (c *checker) paths(g *Graph) {
	touches := c.touches(g)
	c.eachPair(touches, func(a, b touch) {
		if c.sameFile(a, b) {
			c.bad[b.node.ID()] = true
		}
	})
	c.eachPair(touches, func(a, b touch) {
		if !c.unordered(a, b) {
			c.unordered(b, a)
		}
	})
}

// eachPair calls f for each two of touches in file order, without those that
// have a mistake by then.
func (c *checker) eachPair(touches []touch, f func(a, b touch)) {
	for i, a := range touches {
		for _, b := range touches[i+1:] {
			if !c.bad[a.node.ID()] && !c.bad[b.node.ID()] {
				f(a, b)
			}
		}
	}
}

// touches asks the steps without mistakes which paths they touch.
func (c *checker) touches(g *Graph) []touch {
	var all []touch
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
		all = append(all, touch{n, Paths{
			Reads:  cleaned(paths.Reads),
			Writes: cleaned(paths.Writes),
			Into:   cleaned(paths.Into),
			Makes:  cleaned(paths.Makes),
		}})
	}
	return all
}

// sameFile reports that the later step b writes the file that a writes, or
// that one makes a directory where the other writes a file.
func (c *checker) sameFile(a, b touch) bool {
	if path, ok := match(a.Writes, b.Writes, func(x, y string) bool { return x == y }); ok {
		c.report(b.node.Step.Pos, fmt.Sprintf("writes %s, which step %q writes too", path, a.node.ID()), "")
		return true
	}
	if path, ok := match(a.Writes, b.dirs(), overlapBelow); ok {
		c.report(b.node.Step.Pos, fmt.Sprintf("needs %s as a directory, which step %q writes as a file", path, a.node.ID()), "")
		return true
	}
	if path, ok := match(b.Writes, a.dirs(), overlapBelow); ok {
		c.report(b.node.Step.Pos, fmt.Sprintf("writes %s as a file, which step %q needs as a directory", path, a.node.ID()), "")
		return true
	}
	return false
}

// unordered reports that user uses what maker makes and does not come after it.
func (c *checker) unordered(maker, user touch) bool {
	if user.node.After(maker.node.ID()) || c.doubts(user.node) {
		return false
	}
	verb, path, ok := use(maker, user)
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

// doubts says that a node may have been meant to wait for more than it does.
func (c *checker) doubts(n *Node) bool {
	for id := range c.doubtful {
		if n.ID() == id || n.After(id) {
			return true
		}
	}
	return false
}

// use finds in what way user depends on what maker makes.
func use(maker, user touch) (verb, path string, ok bool) {
	if path, ok := match(maker.Writes, user.Reads, within); ok {
		return "reads", path, true
	}
	if path, ok := match(maker.Into, user.Reads, overlap); ok {
		return "reads", path, true
	}
	// A file below a directory that is made empty was there before, with the
	// directory; only whoever reads the directory itself has to wait.
	if path, ok := match(maker.Makes, user.Reads, within); ok {
		return "reads", path, true
	}
	if path, ok := match(maker.Makes, user.Into, overlapBelow); ok {
		return "writes into", path, true
	}
	if path, ok := match(maker.Makes, user.Writes, overlapBelow); ok {
		return "writes", path, true
	}
	return "", "", false
}

// dirs gives the paths that have to be directories.
func (t touch) dirs() []string {
	return append(append([]string{}, t.Into...), t.Makes...)
}

// match finds the first pair for which related holds, and gives its second part.
func match(as, bs []string, related func(a, b string) bool) (string, bool) {
	for _, b := range bs {
		for _, a := range as {
			if related(a, b) {
				return b, true
			}
		}
	}
	return "", false
}

// within says that a is b or below it.
func within(a, b string) bool {
	return a == b || strings.HasPrefix(a, strings.TrimSuffix(b, "/")+"/")
}

// overlapBelow says that b is a or below it.
func overlapBelow(a, b string) bool { return within(b, a) }

func overlap(a, b string) bool { return within(a, b) || within(b, a) }

// cleaned leaves out what is not known yet.
func cleaned(paths []string) []string {
	var out []string
	for _, p := range paths {
		if p != "" {
			out = append(out, filepath.Clean(p))
		}
	}
	return out
}
