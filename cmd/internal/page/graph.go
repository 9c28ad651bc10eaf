package page

import (
	"github.com/bayplan/bayplan/internal/drawing"
	"github.com/bayplan/bayplan/runner"
)

// graphWidth is the width, in CSS pixels, up to which a graph is drawn from left to right.
const graphWidth = 1180

// DrawGraph draws which step waits for which. An arrow is dashed where nothing but the
// order is meant. look changes the box of a step; nil leaves it.
func DrawGraph(title string, steps []runner.RunStep, look func(*drawing.Node)) (*drawing.Drawing, error) {
	g := drawing.Graph{Title: title}
	known := map[string]bool{}
	for _, s := range steps {
		known[s.ID] = true
		n := drawing.Node{ID: s.ID, Lines: []string{s.ID, s.Type}, Class: "step"}
		if look != nil {
			look(&n)
		}
		g.Nodes = append(g.Nodes, n)
	}
	for _, s := range steps {
		for _, e := range s.Needs {
			if !known[e.From] {
				continue
			}
			edge := drawing.Edge{From: e.From, To: e.To, Dashed: e.Kind != runner.Reference, Note: e.To + " waits for " + e.From}
			if e.Kind == runner.Reference {
				edge.Note = e.To + " uses " + e.From + "." + e.Output
			}
			g.Edges = append(g.Edges, edge)
		}
	}
	return drawing.Draw(g, graphWidth)
}
