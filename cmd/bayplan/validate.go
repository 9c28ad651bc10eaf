package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
)

func (p *program) validateCommand() *cli.Command {
	return &cli.Command{
		Name:        "validate",
		Usage:       "check a plan without running anything",
		Description: "Reports every mistake at once, each with its place, also in lists of images,\nenvironments, roles files and lists of checksums that are there and that no\nstep writes. Reads no secrets and contacts no server.",
		Flags:       append(planFlags(), jsonFlag()),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
			if err == nil {
				err = s.graph.CheckFiles(c.Context).Err()
			}
			if c.Bool("json") {
				return p.mistakesAsJSON(s, err)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%s: %s, no mistakes\n", c.String("file"), human.Count(len(s.graph.Nodes), "step", "steps"))
			return err
		},
	}
}

// A mistake is an error in a plan, in the form that validate --json prints.
type mistake struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// mistakesAsJSON prints the lists of mistakes and of warnings, which may be empty. It
// returns err.
func (p *program) mistakesAsJSON(s *session, err error) error {
	var found plan.Errors
	if err != nil && !errors.As(err, &found) {
		return err
	}
	out := map[string]any{"mistakes": listOf(found)}
	if s != nil {
		out["warnings"] = listOf(s.warnings)
	}
	return errors.Join(p.printIndentedJSON(out), err)
}

func listOf(errs plan.Errors) []mistake {
	list := []mistake{}
	for _, e := range errs {
		list = append(list, mistake{e.File, e.Pos.Line, e.Pos.Col, e.Msg, e.Hint})
	}
	return list
}
