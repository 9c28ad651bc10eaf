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
		Usage:       "check plans without running anything",
		ArgsUsage:   "[PLAN]...",
		Description: "Reports every mistake at once, each with its place, also in lists of images,\nenvironments, roles files and lists of checksums that are there and that no\nstep writes. Reads no secrets and contacts no server.",
		Flags: append(append([]cli.Flag{newRepeatedFlag("file", "FILE", "the plan FILE (default: "+defaultPlan+")", "f")}, valueFlags()...),
			jsonFlag(), quietFlag()),
		Action: p.validate,
	}
}

// validate checks every plan that the command line names.
func (p *program) validate(c *cli.Context) error {
	files := append(c.StringSlice("file"), c.Args().Slice()...)
	if len(files) == 0 {
		files = []string{defaultPlan}
	}
	var all, warnings plan.Errors
	for _, file := range files {
		s, err := p.loadFile(c, file)
		if err == nil {
			err = s.graph.CheckFiles(c.Context).Err()
		}
		if s != nil {
			warnings = append(warnings, s.warnings...)
		}
		var found plan.Errors
		switch {
		case errors.As(err, &found):
			all = append(all, found...)
		case err != nil:
			return err
		case !c.Bool("json") && !(c.Bool("quiet") && len(files) > 1):
			fmt.Fprintf(p.stdout, "%s: %s, no mistakes\n", file, human.Count(len(s.graph.Nodes), "step", "steps"))
		}
	}
	switch {
	case c.Bool("json"):
		doc := map[string]any{"mistakes": mistakesOf(all), "warnings": mistakesOf(warnings)}
		return errors.Join(p.printIndentedJSON(doc), all.Err())
	case len(all) == 0 && len(files) > 1:
		fmt.Fprintf(p.stdout, "%s, no mistakes\n", human.Count(len(files), "plan", "plans"))
	}
	return all.Err()
}

// A mistake is an error in a plan, in the form that --json prints.
type mistake struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func mistakesOf(errs plan.Errors) []mistake {
	list := []mistake{}
	for _, e := range errs {
		list = append(list, mistake{e.File, e.Pos.Line, e.Pos.Col, e.Msg, e.Hint})
	}
	return list
}

// printMistakesAsJSON prints the mistakes of a plan where a command would print its own
// JSON. It does nothing for other errors, and returns err.
func (p *program) printMistakesAsJSON(err error) error {
	var found plan.Errors
	if !errors.As(err, &found) {
		return err
	}
	return errors.Join(p.printJSON(map[string]any{"mistakes": mistakesOf(found)}), err)
}
