package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show what the state records of each step, or all sites",
		Description: "Reads only the state, not the world. Works while an apply runs.\n\n" +
			"With --reports-from, reads what \"bayplan apply --report-to\" has sent: a\n" +
			"tag for each site. A site is behind if it has another plan or lock file\n" +
			"than the plan given with -f, or else than the newest report of the same\n" +
			"plan. Times are those of the registry. A site that has never reported is\n" +
			"shown if --sites names it.",
		Flags: append([]cli.Flag{commandline.NewRepeated("file", "FILE", "the plan FILE (default: "+commandline.DefaultPlan+")", "f")},
			slices.Concat(valueFlags(), []cli.Flag{stateFlag()}, sitesFlags(), []cli.Flag{commandline.JSONFlag()})...),
		Action: func(c *cli.Context) error {
			if err := checkSites(c); err != nil {
				return err
			}
			if c.IsSet("reports-from") {
				return p.sitesStatus(c)
			}
			options, err := p.options(c)
			if err != nil {
				return err
			}
			s, err := p.loadFile(c, planFiles(c)[0], options)
			if err != nil {
				return err
			}
			store, err := s.readStore(c)
			if err != nil {
				return err
			}
			list := make([]document.StepStatus, 0, len(s.graph.Nodes))
			for _, n := range s.graph.Nodes {
				list = append(list, statusOf(n, store))
			}
			if c.Bool("json") {
				return p.PrintDocument(document.Status{Plan: s.graph.Plan.Name, Steps: list})
			}
			return p.statusTable(list)
		},
	}
}

func statusOf(n *runner.Node, store *runner.Store) document.StepStatus {
	st := document.StepStatus{ID: n.ID(), Type: n.Type.Name, State: document.StateNever, Record: store.Record(n.ID())}
	last, known := store.Last(n.ID())
	if !known {
		return st
	}
	st.At, st.Error = last.At, last.Error
	switch last.Kind {
	case runner.EntryDone:
		if st.State = document.StateDone; st.Record.Given {
			st.State = document.StateElsewhere
		}
	case runner.EntryFailed:
		st.State = document.StateFailed
	case runner.EntryRefuted:
		st.State = document.StateRefuted
	case runner.EntryStarted:
		st.State = document.StateInterrupted
		if h, ok := store.Running(); ok && !last.At.Before(h.Since) {
			st.State = document.StateRunning
		}
	}
	return st
}

func (p *program) statusTable(list []document.StepStatus) error {
	ids, types, states := len("STEP"), len("TYPE"), len("STATE")
	for _, st := range list {
		ids, types, states = max(ids, len(st.ID)), max(types, len(st.Type)), max(states, len(st.State))
	}
	out := view.NewRelativePaths(p.Stdout, p.Dir)
	row := func(id, kind, state, when string, color view.Color) error {
		return view.Paint(out, view.Span{Text: fmt.Sprintf("%-*s  %-*s  ", ids, id, types, kind)},
			view.Span{Text: fmt.Sprintf("%-*s", states, state), Color: color}, view.Span{Text: "  " + when + "\n"})
	}
	err := row("STEP", "TYPE", "STATE", "WHEN", view.NoColor)
	for _, st := range list {
		when := "-"
		if !st.At.IsZero() {
			when = st.At.Local().Format(time.DateTime)
		}
		err = errors.Join(err, row(st.ID, st.Type, string(st.State), when, stateColor(st.State)))
		if st.Error != "" {
			err = errors.Join(err, view.Paint(out, view.Span{Text: "  " + view.Indent(st.Error) + "\n"}))
		}
	}
	return err
}

func stateColor(s document.State) view.Color {
	switch s {
	case document.StateDone:
		return view.Green
	case document.StateFailed, document.StateRefuted:
		return view.Red
	case document.StateInterrupted, document.StateRunning:
		return view.Yellow
	}
	return view.NoColor
}
