package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

func (p *program) whyCommand() *cli.Command {
	return &cli.Command{
		Name:        "why",
		Usage:       "tell why a step would run, or why not",
		ArgsUsage:   "STEP",
		Description: "Looks at the step and all before it as diff does, and holds what decides its\nresult against what was recorded when it last succeeded.",
		Flags:       append(planFlags(), stateFlag(), jsonFlag()),
		Action: func(c *cli.Context) error {
			id := c.Args().First()
			if id == "" {
				return usageError{errors.New("why: the id of a step is missing")}
			}
			s, err := p.load(c)
			if err != nil {
				return err
			}
			return s.reading(c, func(r *runner.Runner) error {
				w, err := r.Why(c.Context, id)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return json.NewEncoder(p.out).Encode(w)
				}
				return p.explainWhy(w)
			})
		},
	}
}

func (p *program) explainWhy(w *runner.Why) error {
	s, out := w.Step, near(p.out, p.dir)
	fmt.Fprintf(out, "%s (%s): %s\n", s.ID, s.Type, headline(s))
	if len(w.Upstream) > 0 {
		fmt.Fprintf(out, "  before it would change: %s\n", strings.Join(w.Upstream, ", "))
	}
	if w.First {
		fmt.Fprintln(out, "  there is no record of it: it has not succeeded here yet")
	}
	for _, in := range w.Inputs {
		fmt.Fprintf(out, "  input %s: %s -> %s\n", in.Name, short(in.Old), short(in.New))
	}
	if !w.First && len(w.Inputs) == 0 && s.Err == nil {
		fmt.Fprintln(out, "  its inputs are as recorded")
	}
	if c := s.Finding.Change; c != nil {
		for _, it := range c.Items {
			fmt.Fprintf(out, "  %s\n", itemLine(it))
		}
	}
	if s.Err == nil {
		return nil
	}
	fmt.Fprintf(out, "  %s\n", continued(s.Err.Error()))
	if h := fault.Hint(s.Err); h != "" {
		fmt.Fprintf(out, "hint: %s\n", h)
	}
	return reported{s.Err}
}

// short gives as much of a digest as people compare.
func short(digest string) string {
	const enough = len("sha256:") + 12
	algo, _, found := strings.Cut(digest, ":")
	switch {
	case digest == "":
		return "(none)"
	case found && strings.HasPrefix(algo, "sha") && len(digest) > enough:
		return digest[:enough] + "…"
	}
	return digest
}
