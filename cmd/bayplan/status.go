package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:        "status",
		Usage:       "show what the state records of every step",
		Description: "Reads only the state, not the world. Works while an apply runs.",
		Flags:       append(planFlags(), stateFlag(), jsonFlag()),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
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
				return p.printDocument(document.Status{Plan: s.graph.Plan.Name, Steps: list})
			}
			return p.statusTable(list)
		},
	}
}

func statusOf(n *runner.Node, store *runner.Store) document.StepStatus {
	st := document.StepStatus{ID: n.ID(), Type: n.Type.Name, State: document.StateNever, Record: store.Record(n.ID())}
	last, known := store.Last(n.ID())
	if known {
		st.At, st.Error = last.At, last.Error
		st.State = document.State(last.Kind)
	}
	if st.State == "started" {
		st.State = document.StateInterrupted
		if h, ok := store.Running(); ok && !last.At.Before(h.Since) {
			st.State = document.StateRunning
		}
	}
	return st
}

func (p *program) statusTable(list []document.StepStatus) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STEP\tTYPE\tSTATE\tWHEN")
	for _, st := range list {
		when := "-"
		if !st.At.IsZero() {
			when = st.At.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", st.ID, st.Type, st.State, when)
		if st.Error != "" {
			fmt.Fprintf(w, "  %s\n", view.Indent(st.Error))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(view.NewRelativePaths(p.stdout, p.dir), text.String())
	return err
}
