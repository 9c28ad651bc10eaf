package runner

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/claims"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
)

// A Content is what is known of what comes to a place.
type Content = claims.Content

// claim gives an error if another step of the run fills a place with another content.
func (j *job) claim(fills map[string]Content) error {
	c := j.claims.Claim(j.node.ID(), fills)
	if c == nil {
		return nil
	}
	other := j.graph.Node(c.Other)
	err := fmt.Errorf("%s would be %s, and step %s makes it %s: %s, %s", c.Place, contentText(c.Mine, c.Theirs), quoted(c.Other), contentText(c.Theirs, c.Mine),
		placeOf(j.node.Step), placeOf(other.Step))
	return fault.WithHint(err, "let one of the two steps fill it, or give it another name in one of them")
}

// contentText says what a content is, by what makes it another than the other one.
func contentText(c, other Content) string {
	if c.Digest == other.Digest || c.Digest == "" || other.Digest == "" {
		return human.Count(int(c.Size), "byte", "bytes")
	}
	return c.Digest
}

// placeOf gives the place of a step as FILE:LINE:COLUMN.
func placeOf(s *plan.Step) string {
	return fmt.Sprintf("%s:%d:%d", s.File(), s.Pos.Line, s.Pos.Col)
}

// A filled is a name of a place that a step fills, with what it puts there.
type filled struct {
	step    nodePaths
	content string
}

// filledTwice finds steps that put different contents under one name of a place outside the
// disk. It reports one mistake for a pair of steps, at the later one.
func (c *checker) filledTwice(all []nodePaths) {
	type named struct {
		where Where
		name  string
	}
	first, told := map[named]filled{}, map[[2]*Node]bool{}
	for _, t := range all {
		for _, fill := range t.Fills {
			for i, content := range fill.Contents {
				name := fill.Names[i]
				if content == "" || name == "" || strings.HasSuffix(name, "*") {
					continue
				}
				key := named{fill.Where, name}
				other, there := first[key]
				if !there {
					first[key] = filled{t, content}
					continue
				}
				pair := [2]*Node{other.step.node, t.node}
				if other.content == content || other.step.node == t.node || told[pair] {
					continue
				}
				told[pair] = true
				c.bad[t.node.ID()] = true
				c.report(t.node.Step, t.node.Step.Pos, fmt.Sprintf("fills %s in %s with %s, which step %s fills with %s", name, fill.Where, content, quoted(other.step.node.ID()), other.content),
					sameStepHint(other.step, t))
			}
		}
	}
}
