package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// runInfo says what a run is that begins now.
func (s *session) runInfo(c *cli.Context) history.Info {
	lock, _ := s.tagLockPath(c) // the run has reported its error
	info := loader.RunInfo(s.graph, version(), lock)
	info.Only, info.Skip = s.idsOf(c.StringSlice("only")), s.idsOf(c.StringSlice("skip"))
	return info
}

// idsOf returns the ids of the steps that names on the command line mean.
func (s *session) idsOf(names []string) []string {
	var ids []string
	for _, name := range names {
		nodes, err := s.graph.Find(name)
		if err != nil {
			continue // the run reports it
		}
		for _, n := range nodes {
			ids = append(ids, n.ID())
		}
	}
	return ids
}

// lockDigest gives the digest of the lock file, "" if there is none.
func (s *session) lockDigest(c *cli.Context) string {
	path, err := s.tagLockPath(c)
	if err != nil {
		return ""
	}
	return loader.LockDigest(path)
}

// lastSuccess returns when the last apply that succeeded ended, as far as the state knows.
func (s *session) lastSuccess(c *cli.Context) time.Time {
	store, err := runner.ReadStore(s.stateDir(c), s.graph.Plan.File)
	if err != nil {
		return time.Time{} // the run has told it
	}
	defer store.Close()
	runs, err := history.List(store)
	if err != nil {
		return time.Time{}
	}
	for _, r := range runs {
		if r.Mode == runner.ModeApply && r.State == history.Done {
			return r.Ended
		}
	}
	return time.Time{}
}

func (p *program) historyCommand() *cli.Command {
	return &cli.Command{
		Name:  "history",
		Usage: "list past runs: who ran them, what they changed",
		Description: "The state keeps the last 50 applies. The newest comes first. Reads only the\n" +
			"state. RUN is what \"bayplan report RUN\" takes.",
		Flags: append(planFlags(), stateFlag(), &cli.IntFlag{Name: "n", Usage: "list only the last `N` runs"}, commandline.JSONFlag()),
		Action: func(c *cli.Context) error {
			if n := c.Int("n"); c.IsSet("n") && n < 1 {
				return p.CommandError(fmt.Errorf("-n %d: at least one run must be listed", n))
			}
			s, err := p.load(c)
			if err != nil {
				return err
			}
			store, err := s.readStore(c)
			if err != nil {
				return err
			}
			runs, err := history.List(store)
			if err != nil {
				return withStateHint(err)
			}
			if n := c.Int("n"); n > 0 && n < len(runs) {
				runs = runs[:n]
			}
			if c.Bool("json") {
				return p.historyJSON(s, runs)
			}
			return p.historyTable(runs)
		},
	}
}

func (p *program) historyJSON(s *session, runs []*history.Run) error {
	doc := document.History{Plan: s.graph.Plan.Name, Runs: make([]document.Run, len(runs))}
	for i, r := range runs {
		doc.Runs[i] = document.RunOf(r)
	}
	return p.PrintDocument(doc)
}

func (p *program) historyTable(runs []*history.Run) error {
	if len(runs) == 0 {
		_, err := fmt.Fprintln(p.Stdout, "no apply of this plan is recorded")
		return err
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tWHEN\tWHO\tRESULT\tTOOK\tCHANGED")
	for _, r := range runs {
		who, took := "-", "-"
		if r.User != "" {
			who = r.User + "@" + r.Host
		}
		if !r.Ended.IsZero() {
			took = fmt.Sprintf("%.1fs", r.Took)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Began.Local().Format(time.DateTime), who, r.State.Text(), took, changedText(r))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(p.Stdout, text.String())
	return err
}

// maxChangedSteps is how many steps a line of the history names.
const maxChangedSteps = 4

// changedText says what a run has changed: "15 items, 2.5 KiB: pki, release", and which
// steps failed.
func changedText(r *history.Run) string {
	var parts []string
	if len(r.Changed) > 0 {
		var steps []string
		for _, c := range r.Changed {
			steps = append(steps, c.Step)
		}
		var what []string
		if r.Items > 0 {
			what = append(what, human.Count(r.Items, "item", "items"))
		}
		if r.Bytes > 0 {
			what = append(what, human.Size(r.Bytes))
		}
		parts = append(parts, strings.TrimPrefix(strings.Join(what, ", ")+": ", ": ")+someOf(steps))
	}
	if len(r.Failed) > 0 {
		var steps []string
		for _, f := range r.Failed {
			steps = append(steps, f.Step)
		}
		parts = append(parts, "failed: "+someOf(steps))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "; ")
}

// someOf names steps, the instances of a repeated one together, and of very many only the
// first.
func someOf(ids []string) string {
	var names, bases []string
	count := map[string]int{}
	for _, id := range ids {
		base := plan.BaseOf(id)
		if count[base]++; count[base] == 1 {
			names, bases = append(names, id), append(bases, base)
		}
	}
	for i, base := range bases {
		if count[base] > 1 {
			names[i] = fmt.Sprintf("%s (%d steps)", base, count[base])
		}
	}
	if len(names) == maxChangedSteps+1 { // the last name is as short as its count
		return strings.Join(names, ", ")
	}
	return human.Some(names, maxChangedSteps)
}
