package main

import (
	"encoding/json"
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
		Description: "Reports every mistake at once, each with its place. Reads no secrets and\ncontacts no server.",
		Flags:       append(planFlags(), jsonFlag()),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
			if c.Bool("json") {
				return p.mistakesAsJSON(err)
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

// mistakesAsJSON prints the list of mistakes, which may be empty. It returns err.
func (p *program) mistakesAsJSON(err error) error {
	var found plan.Errors
	if err != nil && !errors.As(err, &found) {
		return err
	}
	list := []mistake{}
	for _, e := range found {
		list = append(list, mistake{e.File, e.Pos.Line, e.Pos.Col, e.Msg, e.Hint})
	}
	enc := json.NewEncoder(p.stdout)
	enc.SetIndent("", "  ")
	return errors.Join(enc.Encode(map[string]any{"mistakes": list}), err)
}
