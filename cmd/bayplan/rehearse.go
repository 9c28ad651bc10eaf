package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/rehearse"
	"github.com/bayplan/bayplan/cmd/internal/view"
)

func (p *program) rehearseCommand() *cli.Command {
	return &cli.Command{
		Name:      "rehearse",
		Usage:     "try plans in a world of their own; nobody is asked",
		ArgsUsage: "[PLAN]...",
		Description: "Diffs, applies, applies again and verifies plans as they are, then damages\n" +
			"what each step has made and wants diff to see it. Takes no credentials,\n" +
			"network or root: servers are answered for inside the process, the host's\n" +
			"files lie in a temporary directory, and what a plan expects there is stood\n" +
			"in for. What the plan's own folder lacks is a mistake. Several plans share\n" +
			"one world.",
		Flags: append([]cli.Flag{
			commandline.NewRepeated("file", "FILE", "the plan FILE (default: "+commandline.DefaultPlan+")", "f"),
			commandline.NewRepeated("var", "NAME=VALUE", "give a variable a value"),
			commandline.NewRepeated("var-file", "FILE", "read values of variables from FILE"),
			&cli.StringFlag{Name: "keep", Usage: "keep the world in `DIR`, which is empty or absent"},
		}, append(commandline.CIFlags(), commandline.QuietFlag())...),
		Action: p.forCI(p.rehearse),
	}
}

// errRehearsal is the error of a rehearsal that has said what is wrong.
var errRehearsal = errors.New("the rehearsal found something wrong")

func (p *program) rehearse(c *cli.Context) error {
	options, err := p.options(c)
	if err != nil {
		return err
	}
	files := planFiles(c)
	out := view.NewRelativePaths(p.Stdout, p.Dir)
	patience := time.Duration(0)
	if p.Draws() {
		patience = 2 * time.Second
	}
	ok, err := rehearse.Run(c.Context, files, rehearse.Options{
		Patience: patience,
		Plan:     options, Keep: c.String("keep"), Quiet: c.Bool("quiet"), Found: p.Found.Found, Ended: p.Found.Ended,
		Warn: p.Warn,
		Say:  func(line string) { fmt.Fprintln(out, strings.TrimRight(line, " ")) },
	})
	if err == nil && !ok {
		return commandline.ShownByView(errRehearsal)
	}
	return err
}
