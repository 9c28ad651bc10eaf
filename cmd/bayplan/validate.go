package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
)

func (p *program) validateCommand() *cli.Command {
	return &cli.Command{
		Name:        "validate",
		Usage:       "check plans without running anything",
		ArgsUsage:   "[PLAN]...",
		Description: "Reports every mistake at once, each with its place, also in lists of images,\nenvironments, roles files and lists of checksums that are there and that no\nstep writes. Reads no secrets and contacts no server.",
		Flags: append(append([]cli.Flag{commandline.NewRepeated("file", "FILE", "the plan FILE (default: "+commandline.DefaultPlan+")", "f")}, valueFlags()...),
			append(commandline.CIFlags(), commandline.JSONFlag(), commandline.QuietFlag())...),
		Action: p.forCI(p.validate),
	}
}

// validate checks every plan that the command line names.
func (p *program) validate(c *cli.Context) error {
	files := planFiles(c)
	options, err := p.options(c)
	if err != nil {
		return err
	}
	options.Shared = &plan.Shared{}
	var all, warnings plan.Errors
	valid := []document.ValidPlan{}
	for _, file := range files {
		s, err := p.loadFile(c, file, options)
		if err == nil {
			err = s.graph.CheckFiles(c.Context, nil).Err()
		}
		if s != nil {
			warnings = append(warnings, s.warnings...)
		}
		if err == nil {
			p.Found.Checked(file)
		}
		var found plan.Errors
		switch {
		case errors.As(err, &found):
			all = append(all, found...)
		case err != nil:
			return errors.Join(all.Err(), err)
		case c.Bool("json"):
			valid = append(valid, document.ValidPlan{File: file, Plan: s.graph.Plan.Name, Steps: len(s.graph.Nodes)})
		case !c.Bool("quiet") || len(files) == 1:
			fmt.Fprintf(p.Stdout, "%s: %s, no mistakes\n", file, human.Count(len(s.graph.Nodes), "step", "steps"))
		}
	}
	all = append(all, options.Shared.Errors()...).Once() // several plans may include one file
	switch {
	case c.Bool("json"):
		doc := document.Validate{Plans: valid, Mistakes: document.MistakesOf(all), Warnings: document.MistakesOf(warnings)}
		return errors.Join(p.PrintDocument(doc), all.Err())
	case len(all) == 0 && len(files) > 1:
		fmt.Fprintf(p.Stdout, "%s, no mistakes\n", human.Count(len(files), "plan", "plans"))
	}
	return all.Err()
}
