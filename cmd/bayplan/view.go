package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
)

// view chooses the view of a run that r will make.
func (p *program) view(c *cli.Context, mode runner.Mode, r *runner.Runner) view.View {
	steps := func() []view.Step { return waits(r) }
	switch {
	case c.Bool("markdown"):
		return view.NewEnd(func(report *runner.Report) error { return p.printReview(c, r.Graph.Plan, report) })
	case c.Bool("json") && mode == runner.ModeDiff:
		return view.NewEnd(func(report *runner.Report) error {
			return p.PrintDocument(p.diffsOf(r.Graph.Plan)(report))
		})
	case mode == runner.ModeDiff && !c.Bool("quiet") && p.Draws():
		return p.DrawnUntil(c, steps(), p.diffView(r))
	case mode == runner.ModeDiff && !c.Bool("quiet"):
		return p.diffView(r)
	}
	return p.View(c, steps)
}

// diffView makes the view that shows a diff.
func (p *program) diffView(r *runner.Runner) view.View {
	return view.NewDiff(p.Screen(), p.Stdout, p.diffsOf(r.Graph.Plan))
}

// waits returns the steps of a run with the steps that each waits for.
func waits(r *runner.Runner) []view.Step {
	chosen, err := r.Selected()
	if err != nil {
		return nil // the run reports it
	}
	var steps []view.Step
	for _, n := range r.Graph.Nodes {
		if chosen[n.ID()] {
			steps = append(steps, view.Step{ID: n.ID(), Needs: needs(r.Graph, n, chosen)})
		}
	}
	return steps
}

// needs returns the steps nearest before a step that are chosen. A step that another one
// of them waits for is left out.
func needs(g *runner.Graph, n *runner.Node, chosen map[string]bool) []string {
	var ids []string
	seen := map[string]bool{}
	var add func(*runner.Node)
	add = func(n *runner.Node) {
		for _, e := range n.Needs {
			switch {
			case seen[e.From]:
				continue
			case chosen[e.From]:
				ids = append(ids, e.From)
			default:
				add(g.Node(e.From))
			}
			seen[e.From] = true
		}
	}
	add(n)
	if len(ids) > 100 { // nobody reads which of them are left out, and all pairs are many
		return ids
	}
	return slices.DeleteFunc(ids, func(id string) bool {
		return slices.ContainsFunc(ids, func(other string) bool { return g.Node(other).After(id) })
	})
}
