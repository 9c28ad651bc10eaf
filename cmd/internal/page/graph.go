package page

import (
	"strings"

	"github.com/bayplan/bayplan/internal/drawing"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// graphWidth is the width, in CSS pixels, up to which a graph is drawn from left to right.
const graphWidth = 1180

// maxBoxes is how many steps have a box each. With more, all instances of a repeated step
// share one.
const maxBoxes = 150

// A group is the steps that a box stands for: mostly one.
type group struct {
	id    string // of the step, or what its instances have in common
	steps []history.Step
}

// DrawGraph draws which step waits for which. An arrow is dashed where nothing but the
// order is meant. look changes a box, which stands for the steps with these ids; nil
// leaves it.
func DrawGraph(title string, steps []history.Step, look func(n *drawing.Node, ids []string)) (*drawing.Drawing, error) {
	if len(steps) > maxBoxes {
		// Instances may wait for a step that waits for others of them: that is no drawing.
		if d, err := drawGroups(title, groupsOf(steps, baseOf), look); err == nil {
			return d, nil
		}
	}
	return drawGroups(title, groupsOf(steps, func(id string) string { return id }), look)
}

// baseOf gives what the ids of a repeated step's instances have in common: sites for
// sites["edge1"].
func baseOf(id string) string {
	base, _, _ := strings.Cut(id, "[")
	return base
}

func groupsOf(steps []history.Step, name func(id string) string) []*group {
	var groups []*group
	byID := map[string]*group{}
	for _, s := range steps {
		id := name(s.ID)
		if byID[id] == nil {
			byID[id] = &group{id: id}
			groups = append(groups, byID[id])
		}
		byID[id].steps = append(byID[id].steps, s)
	}
	return groups
}

func drawGroups(title string, groups []*group, look func(*drawing.Node, []string)) (*drawing.Drawing, error) {
	g := drawing.Graph{Title: title}
	in := map[string]string{} // the group of each step
	for _, of := range groups {
		var ids []string
		for _, s := range of.steps {
			in[s.ID] = of.id
			ids = append(ids, s.ID)
		}
		n := drawing.Node{ID: of.id, Lines: []string{of.id, of.steps[0].Type}, Class: "step"}
		if len(ids) > 1 {
			n.Lines = append(n.Lines, human.Count(len(ids), "step", "steps"))
		}
		if look != nil {
			look(&n, ids)
		}
		g.Nodes = append(g.Nodes, n)
	}
	drawn := map[drawing.Edge]bool{}
	for _, of := range groups {
		for _, s := range of.steps {
			for _, need := range s.Needs {
				e, ok := arrow(need, in)
				if ok && !drawn[e] {
					drawn[e] = true
					g.Edges = append(g.Edges, e)
				}
			}
		}
	}
	return drawing.Draw(g, graphWidth)
}

// arrow gives the arrow of an edge between groups. Inside a group there is none, and none
// from a step that is not known.
func arrow(need runner.Edge, in map[string]string) (drawing.Edge, bool) {
	from, known := in[need.From]
	to := in[need.To]
	e := drawing.Edge{From: from, To: to, Dashed: need.Kind != runner.Reference, Note: to + " waits for " + from}
	if need.Kind == runner.Reference {
		e.Note = to + " uses " + from + "." + need.Output
	}
	return e, known && from != to
}
