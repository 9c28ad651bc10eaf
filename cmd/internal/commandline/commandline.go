// Package commandline is what the command lines of bayplan and bayplan-temporal have in common: flags
// and what is wrong with them, signals, exit codes, terminals, and text and JSON that is
// cleaned before it leaves the process. It knows no command.
package commandline

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
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/redact"
)

// A Program is one run of a command line. It writes to its two outputs and to nothing else.
type Program struct {
	Name           string // what people call it
	Version        string
	Stdout, Stderr *Output // results; messages for people
	Secrets        *redact.Redactor
	Env            []string
	Dir            string  // the working directory; "": paths are shown in full
	Found          *ci.Run // what a CI system is told; nil: nothing

	terminal *terminal                         // standard output, if it can be drawn on
	drawn    atomic.Pointer[view.TerminalView] // what draws on the terminal, if anything does
	printed  bool                              // a document, or a line of a stream, is printed
	job      *job                              // of a CI system, nil outside of one
}

// New makes a program that writes to stdout and stderr.
func New(name, version string, stdout, stderr io.Writer) *Program {
	secrets := redact.New()
	secrets.AddProxies(os.Environ())
	return &Program{
		Name: name, Version: version, Secrets: secrets,
		Stdout: &Output{name: "standard output", to: stdout, secrets: secrets},
		Stderr: &Output{name: "standard error", to: stderr, secrets: secrets},
	}
}

// UseProcess makes the program that of this process: with its environment, its working directory,
// and its two outputs, which may be terminals.
func (p *Program) UseProcess(stdout, stderr *os.File) {
	p.Env = os.Environ()
	p.Dir, _ = os.Getwd() // on failure, paths are shown in full
	p.useTerminals(stdout, stderr)
}

// Configure makes an application write to the outputs of the program, and its commands reject
// unexpected arguments.
func (p *Program) Configure(app *cli.App) {
	app.Name, app.Version = p.Name, p.Version
	app.UsageText = p.Name + " COMMAND [flags]"
	app.HideVersion, app.HideHelpCommand, app.DisableSliceFlagSeparator = true, true, true
	app.Writer, app.ErrWriter = p.Stdout, p.Stderr
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.Action, app.OnUsageError = p.noCommand, p.flagError
	for _, c := range app.Commands {
		p.configureCommand(app.Name, c)
	}
}

// configureCommand makes a command and its subcommands reject unexpected
// arguments, and sets their usage lines. parent is the command line up to the
// command's name.
func (p *Program) configureCommand(parent string, c *cli.Command) {
	name := parent + " " + c.Name
	c.UsageText = strings.TrimSpace(name + " [flags] " + c.ArgsUsage)
	if len(c.Subcommands) > 0 {
		c.UsageText = name + " COMMAND [flags]"
	}
	c.OnUsageError = p.flagError
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
			return p.noCommand(ctx)
		}
		if ctx.NArg() > maxArgs {
			arg := ctx.Args().Get(maxArgs)
			err := fmt.Errorf("%s: unexpected argument %q", c.Name, arg)
			if FindFlag(c.Flags, "file") != nil && strings.HasSuffix(arg, ".yaml") {
				err = fault.WithHint(err, "a plan is named by a flag: "+p.Name+" "+c.Name+" -f "+human.ShellWord(arg))
			}
			return p.CommandError(err)
		}
		return action(ctx)
	}
	for _, sub := range c.Subcommands {
		p.configureCommand(name, sub)
	}
}

// noCommand is the action of a command line that names no known command.
func (p *Program) noCommand(c *cli.Context) error {
	commands := c.App.Commands
	if len(c.Command.Subcommands) > 0 {
		commands = c.Command.Subcommands
	}
	if !c.Args().Present() {
		return p.CommandError(errors.Join(showHelp(c), errors.New("a command is missing")))
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
	return p.CommandError(err)
}

// showHelp shows the help of the program or of a command with subcommands.
func showHelp(c *cli.Context) error {
	if len(c.Command.Subcommands) > 0 {
		return cli.ShowSubcommandHelp(c)
	}
	return cli.ShowAppHelp(c)
}

// A Line is a command line: the words that follow the name of the program, which comes first.
type Line struct {
	App  *cli.App
	Args []string

	// Document returns the name of the document that a command with the flag --json prints.
	Document func(cmd *cli.Command, flags []string) document.Name
}

// Execute executes a command line and returns its exit code.
func (p *Program) Execute(ctx context.Context, l Line) int {
	args := ExpandAliases(l.Args)
	err := checkValues(l.App, args)
	if err == nil {
		err = l.App.RunContext(ctx, flagsFirst(l.App, args))
	}
	if _, noHelp := err.(cli.ExitCoder); noHelp {
		err = p.CommandError(err)
	}
	if name := l.Asked(args); name != "" {
		err = p.printFailure(ctx, name, err)
	}
	code := p.Exit(ctx, err)
	p.annotate()
	return code
}
