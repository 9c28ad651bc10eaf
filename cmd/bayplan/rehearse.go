package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/rehearse"
)

func (p *program) rehearseCommand() *cli.Command {
	return &cli.Command{
		Name:      "rehearse",
		Usage:     "run plans in a world of their own; asks and writes nothing outside",
		ArgsUsage: "[PLAN]...",
		Description: "Diffs, applies, applies again and verifies the plans as they are, damages what\n" +
			"each step has made, and wants diff to see it. Takes no credentials, no network\n" +
			"and no root: servers are answered for inside the process, files of the host lie\n" +
			"in a temporary directory, and what a plan expects there is stood in for.\n" +
			"Several plans share one world, in their order. What the plan's folder lacks is\n" +
			"a mistake.",
		Flags: append([]cli.Flag{
			newRepeatedFlag("file", "FILE", "the plan FILE (default: "+defaultPlan+")", "f"),
			newRepeatedFlag("var", "NAME=VALUE", "give a variable a value"),
			newRepeatedFlag("var-file", "FILE", "read values of variables from FILE"),
			&cli.StringFlag{Name: "keep", Usage: "keep the world in `DIR`, which is empty or absent"},
		}, quietFlag()),
		Action: p.rehearse,
	}
}

// errRehearsal is the error of a rehearsal that has said what is wrong.
var errRehearsal = errors.New("the rehearsal found something wrong")

func (p *program) rehearse(c *cli.Context) error {
	options, err := p.options(c)
	if err != nil {
		return err
	}
	files := append(c.StringSlice("file"), c.Args().Slice()...)
	if len(files) == 0 {
		files = []string{defaultPlan}
	}
	out := newRelativePathWriter(p.stdout, p.dir)
	ok, err := rehearse.Run(c.Context, files, rehearse.Options{
		Plan: options, Keep: c.String("keep"), Quiet: c.Bool("quiet"), Warn: p.printWarnings,
		Say: func(line string) { fmt.Fprintln(out, strings.TrimRight(line, " ")) },
	})
	if err == nil && !ok {
		return reportedError{errRehearsal}
	}
	return err
}
