package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
)

// view chooses the view of a run of a plan.
func (p *program) view(c *cli.Context, mode runner.Mode, plan string) view.View {
	results, messages := view.NewRelativePaths(p.stdout, p.dir), view.NewRelativePaths(p.stderr, p.dir)
	s, forPeople := view.Screen{Out: results, Errs: messages}, view.Screen{Out: messages, Errs: messages}
	switch {
	case c.Bool("json") && mode == runner.ModeDiff:
		return view.NewEnd(func(r *runner.Report) error { return p.printDocument(document.DiffOf(plan, r)) })
	case c.Bool("json") && c.Bool("quiet"):
		return view.NewJSON(p.printLine, view.NewQuiet(forPeople))
	case c.Bool("json"):
		return view.NewJSON(p.printLine, view.NewPlain(forPeople))
	case c.Bool("quiet"):
		return view.NewQuiet(s)
	case mode == runner.ModeDiff:
		return view.NewDiff(s, p.stdout)
	case p.terminal:
		return view.NewTerminal(p.drawnOn(), s)
	}
	return view.NewPlain(s)
}

// drawnOn gives the terminal that standard output is.
func (p *program) drawnOn() view.Terminal {
	return view.Terminal{
		To: p.stdout.drawing(), Columns: p.columns, Errs: p.bothTerminal,
		Text: func(to io.Writer) io.Writer {
			return view.NewRelativePaths(&output{name: p.stdout.name, to: to, secrets: p.redactor}, p.dir)
		},
	}
}
