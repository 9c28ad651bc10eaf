package page

import (
	"slices"

	"github.com/bayplan/bayplan/internal/drawing"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// graphWidth is the width, in CSS pixels, up to which a graph is drawn from left to right.
const graphWidth = 1180

// maxBoxes is how many steps have a box each. With more, all instances of a repeated step
// share one.
const maxBoxes = 150

// maxPageBoxes is how many boxes the graph of a page has. With more, it has those first
// whose steps ended worse.
const maxPageBoxes = 200

// A group is the steps that a box stands for: mostly one.
type group struct {
	id    string // of the step, or what its instances have in common
	steps []history.Step
}

// DrawGraph draws which step waits for which. An arrow is dashed where nothing but the
// order is meant. look changes a box, which stands for the steps with these ids; nil
// leaves it.
func DrawGraph(title string, steps []history.Step, look func(n *drawing.Node, ids []string)) (*drawing.Drawing, error) {
	return drawGroups(title, grouped(steps), look)
}

// grouped returns the boxes of a graph.
func grouped(steps []history.Step) []*group {
	if len(steps) > maxBoxes {
		return groupsOf(steps, plan.BaseOf)
	}
	return groupsOf(steps, func(id string) string { return id })
}

// boxes returns the boxes of the graph of the report. left counts the steps that have no room.
func (r *report) boxes() (groups []*group, left int) {
	steps := make([]history.Step, len(r.Steps))
	for i, s := range r.Steps {
		steps[i] = history.Step{ID: s.ID, Type: s.Type, Needs: s.Needs}
	}
	groups = grouped(steps)
	if len(groups) > maxPageBoxes {
		of := map[string]*group{}
		for _, g := range groups {
			for _, s := range g.steps {
				of[s.ID] = g
			}
		}
		chosen := map[*group]bool{}
		for _, s := range worst(r.Steps, len(r.Steps)) {
			if len(chosen) < maxPageBoxes {
				chosen[of[s.ID]] = true
			}
		}
		groups = slices.DeleteFunc(groups, func(g *group) bool {
			if !chosen[g] {
				left += len(g.steps)
			}
			return !chosen[g]
		})
	}
	return groups, left
}

// graph draws the boxes.
func (r *report) graph() (*drawing.Drawing, error) {
	return drawGroups("Which step waits for which", r.groups, r.look)
}

func (g *group) ids() []string {
	ids := make([]string, len(g.steps))
	for i, s := range g.steps {
		ids[i] = s.ID
	}
	return ids
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
		ids := of.ids()
		for _, id := range ids {
			in[id] = of.id
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
