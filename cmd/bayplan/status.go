package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
)

// A stepStatus is what the state records of a step.
type stepStatus struct {
	ID     string         `json:"id"`
	Type   string         `json:"type"`
	State  string         `json:"state"`           // done, failed, refuted (by a verify), running, interrupted or never
	At     time.Time      `json:"at,omitzero"`     // time of the last success, else of the last attempt
	Error  string         `json:"error,omitempty"` // error of the last attempt or verify
	Record *runner.Record `json:"record,omitempty"`
}

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
			list := make([]stepStatus, 0, len(s.graph.Nodes))
			for _, n := range s.graph.Nodes {
				list = append(list, statusOf(n, store))
			}
			if c.Bool("json") {
				return p.printJSON(map[string]any{"plan": s.graph.Plan.Name, "steps": list})
			}
			return p.statusTable(list)
		},
	}
}

func statusOf(n *runner.Node, store *runner.Store) stepStatus {
	st := stepStatus{ID: n.ID(), Type: n.Type.Name, State: "never", Record: store.Record(n.ID())}
	last, known := store.Last(n.ID())
	if known {
		st.At, st.Error = last.At, last.Error
		st.State = last.Kind
	}
	if st.State == "started" {
		st.State = "interrupted"
		if h, ok := store.Running(); ok && !last.At.Before(h.Since) {
			st.State = "running"
		}
	}
	return st
}

func (p *program) statusTable(list []stepStatus) error {
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
