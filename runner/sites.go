package runner

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/pathindex"
	"github.com/bayplan/bayplan/plan"
)

// apart reports whether two steps run on different hosts.
func (c *checker) apart(a, b *plan.Step) bool { return c.plan.Centre != "" && a.Site != b.Site }

// otherSites finds steps that read a file which an earlier step writes at another site, unless
// a step of their own site writes there, too.
func (c *checker) otherSites(all []nodePaths, pairs [][2]int) {
	if c.plan.Centre == "" {
		return
	}
	for _, pair := range pairs {
		maker, user := all[pair[0]], all[pair[1]]
		if maker.node.after(user.node) {
			maker, user = user, maker
		}
		if !c.apart(maker.node.Step, user.node.Step) || !user.node.after(maker.node) || c.bad[maker.node.ID()] || c.bad[user.node.ID()] {
			continue
		}
		path, ok := readOf(maker, user)
		if !ok || c.madeAt(all, user, path) {
			continue
		}
		msg := fmt.Sprintf("reads %s, which step %s writes %s, and this step runs %s", path, quoted(maker.node.ID()), siteText(maker.node.Step), siteText(user.node.Step))
		c.report(user.node.Step, user.node.Step.Pos, msg, maker.node.Type.passHint(maker.node.Step))
	}
}

// readOf returns a path that user reads and that maker writes.
func readOf(maker, user nodePaths) (string, bool) {
	if path, ok := firstPair(maker.Writes, user.Reads, pathindex.Within); ok {
		return path, true
	}
	return firstPair(maker.Into, user.Reads, pathindex.Overlap)
}

// madeAt reports whether a step at the site of user writes a path that user reads.
func (c *checker) madeAt(all []nodePaths, user nodePaths, path string) bool {
	for _, t := range all {
		if t.node != user.node && !c.apart(t.node.Step, user.node.Step) {
			if _, ok := readOf(t, nodePaths{Paths: Paths{Reads: []string{path}}}); ok {
				return true
			}
		}
	}
	return false
}

// siteText says where a step runs.
func siteText(s *plan.Step) string { return fmt.Sprintf("at site %q", s.Site) }

// passHint says what a step of another site can be given in place of a path.
func (t Type) passHint(maker *plan.Step) string {
	const together = "let both steps run at one site"
	var values []string
	for _, o := range t.Outputs {
		if !o.Local {
			values = append(values, o.Name)
		}
	}
	if len(values) == 0 {
		return together
	}
	return fmt.Sprintf("%s, or pass what means the same everywhere: of step %s that is %s", together, quoted(maker.ID), strings.Join(values, ", "))
}
