package runner

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/claims"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostdisk"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
)

// A Content is what is known of what comes to a place.
type Content = claims.Content

// byTruePlace gives what a step fills by one name of each place: links in paths are followed.
func byTruePlace(fills map[string]Content) map[string]Content {
	by := make(map[string]Content, len(fills))
	for place, content := range fills {
		if filepath.IsAbs(place) {
			content.Name = cmp.Or(content.Name, place)
			place = hostdisk.Resolve(place)
		}
		by[place] = content
	}
	return by
}

// claim gives an error if another step of the run fills a place with another content. A diff
// changes nothing, and compares at its end.
func (j *job) claim(fills map[string]Content, note func(any)) error {
	if j.mode != ModeApply {
		return nil
	}
	ack := make(chan error, 1)
	note(claiming{j.node, fills, ack})
	return <-ack
}

// claim enters what a step fills. It gives an error, and enters nothing, if another step fills a
// place with another content.
func (rs *runState) claim(n *Node, fills map[string]Content) error {
	c := rs.claims.Claim(n.ID(), fills)
	if c == nil {
		return nil
	}
	mine, theirs := c.Digests()
	if mine == "" {
		mine, theirs = human.Count(int(c.Mine.Size), "byte", "bytes"), human.Count(int(c.Theirs.Size), "byte", "bytes")
	}
	here, there := cmp.Or(c.Mine.Name, c.Place), cmp.Or(c.Theirs.Name, c.Place)
	if here != there {
		theirs += " under the name " + there
	}
	err := fmt.Errorf("%s would be %s, and step %s makes it %s: %s, %s", here, mine, quoted(c.Other), theirs, placeOf(n.Step), placeOf(n.graph.Node(c.Other).Step))
	return fault.WithHint(err, "let one of the two steps fill it, or give it another name in one of them")
}

// answerClaims answers the jobs that ask whether they may change something. One waits as long as a
// step before it runs that may fill the same places and has not looked at the world yet: of two
// steps that begin together, the later one fails.
func (rs *runState) answerClaims() {
	rs.asking = slices.DeleteFunc(rs.asking, func(c claiming) bool {
		for id := range rs.running {
			if m := rs.runner.Graph.byID[id]; m.place < c.node.place && !rs.looked[id] && rs.runner.Graph.makers.mayFillSame(id, c.node.ID()) {
				return false
			}
		}
		rs.looked[c.node.ID()] = true
		c.ack <- rs.claim(c.node, c.fills)
		return true
	})
}

// failConflicts fails the steps of a diff that fill a place with another content than a step before
// them, and leaves out what comes after them.
func (rs *runState) failConflicts() {
	if rs.mode != ModeDiff {
		return
	}
	for _, n := range rs.nodes {
		s := rs.report.Step(n.ID())
		err := rs.claim(n, s.Fills)
		if err == nil {
			continue
		}
		s.Status, s.Err, s.Outputs, s.Finding.Change = Failed, rs.runner.redactor().Error(err), nil, nil
		for _, m := range rs.nodes {
			if behind := rs.report.Step(m.ID()); m.after(n) && behind.Status != Failed && behind.Status != Skipped {
				behind.skip(n.ID())
				behind.Finding, behind.Outputs, behind.Fills = Finding{}, nil, nil
			}
		}
	}
}

// placeOf gives the place of a step as FILE:LINE:COLUMN.
func placeOf(s *plan.Step) string {
	return fmt.Sprintf("%s:%d:%d", s.File(), s.Pos.Line, s.Pos.Col)
}

// A filled is a name of a place that a step fills, with what it puts there.
type filled struct {
	step    nodePaths
	place   Place
	content string
}

// differs reports whether two steps put different contents there.
func (f filled) differs(other filled) bool {
	mayBeSame := f.place.Alike != nil && other.place.Alike != nil && f.place.Alike(f.content, other.content)
	return f.content != other.content && f.step.node != other.step.node && !mayBeSame
}

// filledTwice finds steps that put different contents under one name of a place outside the
// disk. It reports one mistake for a pair of steps, at the later one.
func (c *checker) filledTwice(all []nodePaths) {
	type named struct {
		where Where
		name  string
	}
	before, told := map[named][]filled{}, map[[2]*Node]bool{}
	for _, t := range all {
		for _, place := range t.Fills {
			for i, content := range place.Contents {
				name := place.Names[i]
				if content == "" || name == "" || strings.HasSuffix(name, "*") {
					continue
				}
				key, mine := named{place.is(), name}, filled{t, place, content}
				i := slices.IndexFunc(before[key], mine.differs)
				if i < 0 {
					before[key] = append(before[key], mine)
					continue
				}
				if pair := [2]*Node{before[key][i].step.node, t.node}; !told[pair] {
					told[pair] = true
					c.reportFilled(before[key][i], mine, name)
				}
			}
		}
	}
}

// is gives what is the same for all names of a place.
func (p Place) is() Where {
	if p.Identity == "" {
		return p.Where
	}
	return Where{Kind: p.Where.Kind, Name: p.Identity, Part: p.Where.Part}
}

func (c *checker) reportFilled(other, mine filled, name string) {
	c.bad[mine.step.node.ID()] = true
	there := ""
	if other.place.Where != mine.place.Where {
		there = ", in " + other.place.Where.String()
	}
	c.report(mine.step.node.Step, mine.step.node.Step.Pos, fmt.Sprintf("fills %s in %s with %s, which step %s fills with %s%s", name, mine.place.Where, mine.content,
		quoted(other.step.node.ID()), other.content, there), sameStepHint(other.step, mine.step))
}
