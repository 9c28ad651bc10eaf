package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// A program is one run of the command line.
type program struct {
	out, err io.Writer // out for results, err for people
	env      []string
	dir      string // the working directory
	terminal bool   // out is a terminal that can be drawn on
}

const description = `A plan (by default bayplan.yaml) names which disk images and container images
are needed and where they must be. "diff" shows what is missing, "apply"
brings it there; run again it does nothing, and after a crash it goes on.

Exit codes:
   0    done, or nothing to do
   1    a step or a verification failed
   2    the plan or the command line is wrong; nothing was run
   3    diff --exit-code found changes
   4    another run holds the state
   130  interrupted (143: terminated); the state is saved`

// app lists the commands.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:                      "bayplan",
		UsageText:                 "bayplan COMMAND [flags]",
		Usage:                     "bring images to where a plan says they must be",
		Description:               description,
		Version:                   version(),
		HideVersion:               true,
		HideHelpCommand:           true,
		Writer:                    p.out,
		ErrWriter:                 p.err,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		Action:                    noCommand,
		Commands: []*cli.Command{
			p.validateCommand(),
			p.diffCommand(),
			p.applyCommand(),
			p.verifyCommand(),
			p.lockCommand(),
			p.statusCommand(),
			p.whyCommand(),
			p.graphCommand(),
			p.explainCommand(),
			p.explainImagesCommand(),
			p.schemaCommand(),
			p.serveCommand(),
			p.versionCommand(),
			p.completionCommand(),
		},
	}
	app.OnUsageError = usage
	for _, c := range app.Commands {
		strict(app.Name, c)
	}
	return app
}

// run gives the exit code of a command line.
func (p *program) run(args []string) int {
	ctx, stop := interruptible(context.Background())
	defer stop()
	app := p.app()
	if last := len(args) - 1; last > 0 && args[last] == completing {
		p.complete(app, args[1:last])
		return exitDone
	}
	err := app.RunContext(ctx, flagsFirst(app, familiar(args)))
	if _, noHelp := err.(cli.ExitCoder); noHelp {
		err = usageError{err}
	}
	return p.exit(ctx, err)
}

// strict makes a command and those below it refuse what they do not know, and
// tell how they are used. Above it stand the words before its name.
func strict(above string, c *cli.Command) {
	name := above + " " + c.Name
	c.UsageText = strings.TrimSpace(name + " [flags] " + c.ArgsUsage)
	if len(c.Subcommands) > 0 {
		c.UsageText = name + " COMMAND [flags]"
	}
	c.OnUsageError = usage
	c.HideHelpCommand = true
	for _, f := range c.Flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true
		}
	}
	action, most := c.Action, 0
	if c.ArgsUsage != "" {
		most = 1
	}
	c.Action = func(ctx *cli.Context) error {
		if len(c.Subcommands) > 0 {
			return noCommand(ctx)
		}
		if ctx.NArg() > most {
			return usageError{fmt.Errorf("%s: unexpected argument %q", c.Name, ctx.Args().Get(most))}
		}
		return action(ctx)
	}
	for _, sub := range c.Subcommands {
		strict(name, sub)
	}
}

// noCommand runs where no command was recognised.
func noCommand(c *cli.Context) error {
	commands := c.App.Commands
	if len(c.Command.Subcommands) > 0 {
		commands = c.Command.Subcommands
	}
	if !c.Args().Present() {
		return usageError{errors.Join(showHelp(c), errors.New("a command is missing"))}
	}
	var names []string
	for _, cmd := range commands {
		names = append(names, cmd.Name)
	}
	got := c.Args().First()
	err := fmt.Errorf("there is no command %q", got)
	if hint := human.DidYouMean(got, names); hint != "" {
		err = fmt.Errorf("%w; %s", err, hint)
	}
	return usageError{err}
}

// showHelp shows the help of the program or of a command that has others below it.
func showHelp(c *cli.Context) error {
	if len(c.Command.Subcommands) > 0 {
		return cli.ShowSubcommandHelp(c)
	}
	return cli.ShowAppHelp(c)
}

// usage takes what the flag parser found wrong.
func usage(c *cli.Context, err error, _ bool) error {
	if c.Command.Name == c.App.Name {
		err = fault.WithHint(err, "flags follow the command: bayplan COMMAND [flags]")
	}
	return usageError{err}
}
