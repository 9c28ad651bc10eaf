package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync/atomic"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/ci"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/redact"
)

// A program is one run of the command line.
type program struct {
	stdout, stderr *output // results; messages for people
	redactor       *redact.Redactor
	env            []string
	dir            string                            // the working directory
	terminal       *terminal                         // standard output, if it can be drawn on
	drawn          atomic.Pointer[view.TerminalView] // what draws on the terminal, if anything does
	measured       *measurement                      // what --metrics asks for; nil: nothing
	reports        []string                          // the host of the registry of reports, if there is one
	reported       *siteRun                          // what --report-to asks for; nil: nothing
	printed        bool                              // a document, or a line of a stream, is printed
	job            *ciJob                            // of a CI system, nil outside of one
	compared       *document.Base                    // what diff --base compares with; nil: nothing
	found          *ci.Run                           // what a CI system is told; nil: nothing
}

// newProgram makes a program that writes to stdout and stderr and to nothing else.
func newProgram(stdout, stderr io.Writer) *program {
	secrets := redact.New()
	secrets.AddProxies(os.Environ())
	return &program{
		stdout:   &output{name: "standard output", to: stdout, secrets: secrets},
		stderr:   &output{name: "standard error", to: stderr, secrets: secrets},
		redactor: secrets,
	}
}

// about says what the program does.
const about = `A plan (by default bayplan.yaml) names the disk images and container images
that a cloud needs and where they must be. "diff" shows what is missing,
"apply" puts it there. A second apply changes nothing. An apply after a crash
continues where the first one stopped.`

// app builds the command line interface with all commands.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:                      "bayplan",
		UsageText:                 "bayplan COMMAND [flags]",
		Usage:                     "bring images to where a plan says they must be",
		Description:               about + "\n\nExit codes:\n" + exitcode.Help(),
		Version:                   version(),
		HideVersion:               true,
		HideHelpCommand:           true,
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		Action:                    noCommand,
		Commands: []*cli.Command{
			p.initCommand(),
			p.validateCommand(),
			p.doctorCommand(),
			p.rehearseCommand(),
			p.diffCommand(),
			p.showCommand(),
			p.applyCommand(),
			p.verifyCommand(),
			p.lockCommand(),
			p.inventoryCommand(),
			p.statusCommand(),
			p.historyCommand(),
			p.reportCommand(),
			p.whyCommand(),
			p.graphCommand(),
			p.explainCommand(),
			p.explainImagesCommand(),
			p.schemaCommand(),
			p.serveCommand(),
			p.versionCommand(),
			p.completionCommand(),
			p.manCommand(),
		},
	}
	app.OnUsageError = flagError
	for _, c := range app.Commands {
		p.configureCommand(app.Name, c)
	}
	return app
}

// run executes a command line and returns its exit code.
func (p *program) run(args []string) int {
	ctx, stop := signalContext(context.Background(), p.endDrawing)
	defer stop()
	app := p.app()
	if last := len(args) - 1; last > 0 && args[last] == completeFlag {
		p.complete(app, args[1:last])
		return exitDone
	}
	args = expandAliases(args)
	err := checkRepeated(app, args)
	if err == nil {
		err = app.RunContext(ctx, flagsFirst(app, args))
	}
	if _, noHelp := err.(cli.ExitCoder); noHelp {
		err = commandError(err)
	}
	if name := askedDocument(app, args); name != "" {
		err = p.printFailure(ctx, name, err)
	}
	code := p.exit(ctx, err)
	p.annotate()
	return code
}

// configureCommand makes a command and its subcommands reject unexpected
// arguments, and sets their usage lines. parent is the command line up to the
// command's name.
func (p *program) configureCommand(parent string, c *cli.Command) {
	name := parent + " " + c.Name
	c.UsageText = strings.TrimSpace(name + " [flags] " + c.ArgsUsage)
	if len(c.Subcommands) > 0 {
		c.UsageText = name + " COMMAND [flags]"
	}
	c.OnUsageError = flagError
	c.HideHelpCommand = true
	for _, f := range c.Flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true
		}
	}
	action, maxArgs := c.Action, 0
	switch {
	case strings.HasSuffix(c.ArgsUsage, "..."):
		maxArgs = math.MaxInt
	case c.ArgsUsage != "":
		maxArgs = 1
	}
	c.Action = func(ctx *cli.Context) error {
		if len(c.Subcommands) > 0 {
			return noCommand(ctx)
		}
		if ctx.NArg() > maxArgs {
			arg := ctx.Args().Get(maxArgs)
			err := fmt.Errorf("%s: unexpected argument %q", c.Name, arg)
			if findFlag(c.Flags, "file") != nil && strings.HasSuffix(arg, ".yaml") {
				err = fault.WithHint(err, "a plan is named by a flag: bayplan "+c.Name+" -f "+human.ShellWord(arg))
			}
			return commandError(err)
		}
		return action(ctx)
	}
	for _, sub := range c.Subcommands {
		p.configureCommand(name, sub)
	}
}

// noCommand is the action of a command line that names no known command.
func noCommand(c *cli.Context) error {
	commands := c.App.Commands
	if len(c.Command.Subcommands) > 0 {
		commands = c.Command.Subcommands
	}
	if !c.Args().Present() {
		return commandError(errors.Join(showHelp(c), errors.New("a command is missing")))
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
	return commandError(err)
}

// showHelp shows the help of the program or of a command with subcommands.
func showHelp(c *cli.Context) error {
	if len(c.Command.Subcommands) > 0 {
		return cli.ShowSubcommandHelp(c)
	}
	return cli.ShowAppHelp(c)
}
