package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
)

// view chooses the view of a run.
func (p *program) view(c *cli.Context, mode runner.Mode) view.View {
	results, messages := view.NewRelativePaths(p.stdout, p.dir), view.NewRelativePaths(p.stderr, p.dir)
	s, forPeople := view.Screen{Out: results, Errs: messages}, view.Screen{Out: messages, Errs: messages}
	switch {
	case c.Bool("json") && mode == runner.ModeDiff:
		return view.NewJSONDiff(p.printIndentedJSON)
	case c.Bool("json") && c.Bool("quiet"):
		return view.NewJSON(p.printJSON, view.NewQuiet(forPeople))
	case c.Bool("json"):
		return view.NewJSON(p.printJSON, view.NewPlain(forPeople))
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
