package main

import (
	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
)

// view chooses the view of a run that r will make.
func (p *program) view(c *cli.Context, mode runner.Mode, r *runner.Runner) view.View {
	results, messages := view.NewRelativePaths(p.stdout, p.dir), view.NewRelativePaths(p.stderr, p.dir)
	s, forPeople := view.Screen{Out: results, Errs: messages}, view.Screen{Out: messages, Errs: messages}
	switch {
	case c.Bool("markdown"):
		return view.NewEnd(func(report *runner.Report) error { return p.printReview(c, r.Graph.Plan, report) })
	case c.Bool("json") && mode == runner.ModeDiff:
		return view.NewEnd(func(report *runner.Report) error {
			return p.printDocument(p.diffsOf(r.Graph.Plan)(report))
		})
	case c.Bool("json") && c.Bool("quiet"):
		return view.NewJSON(p.printLine, view.NewQuiet(forPeople))
	case c.Bool("json"):
		return view.NewJSON(p.printLine, view.NewPlain(forPeople))
	case c.Bool("quiet"):
		return view.NewQuiet(s)
	case p.terminal != nil:
		return p.drawnView(c, mode, r, s)
	case mode == runner.ModeDiff:
		return view.NewDiff(s, p.stdout, p.diffsOf(r.Graph.Plan))
	}
	return view.NewPlain(s)
}
