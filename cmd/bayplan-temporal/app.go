package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A program is one run of the command line.
type program struct {
	stdout, stderr io.Writer // what is written there is cleaned
	json           io.Writer
	secrets        *redact.Redactor
	env            []string
}

func newProgram(stdout, stderr io.Writer, env []string) *program {
	secrets := redact.New()
	secrets.AddProxies(env)
	return &program{
		stdout: &cleaner{to: stdout, secrets: secrets}, stderr: &cleaner{to: stderr, secrets: secrets},
		json: stdout, secrets: secrets, env: env,
	}
}

// release is the version of a release. The linker sets it.
var release string

// version returns the version that the binary was built from.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

const about = `A worker at each site does the steps whose site it is; a step without a
site is done at the centre. "run" starts the run of a plan or joins the one
that is open, and shows it as "bayplan apply" does. Secrets are read by each
worker at its site, and never travel.`

func (p *program) app() *cli.App {
	app := &cli.App{
		Name: "bayplan-temporal", Usage: "carry out a plan over many sites, with Temporal",
		UsageText:       "bayplan-temporal COMMAND [flags]",
		Description:     about + "\n\nExit codes:\n" + exitcode.Help(),
		Version:         version(),
		HideHelpCommand: true, DisableSliceFlagSeparator: true,
		Writer: p.stdout, ErrWriter: p.stderr,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   usage,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError{fmt.Errorf("there is no command %q%s", c.Args().First(), suggestion(c))}
			}
			return errors.Join(cli.ShowAppHelp(c), usageError{errors.New("a command is missing")})
		},
		Commands: []*cli.Command{p.workerCommand(), p.runCommand(), p.cancelCommand()},
	}
	for _, c := range app.Commands {
		c.OnUsageError, c.HideHelpCommand = usage, true
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true
			}
		}
	}
	return app
}

func suggestion(c *cli.Context) string {
	hint := human.DidYouMean(c.Args().First(), []string{"worker", "run", "cancel"})
	if hint == "" {
		return ""
	}
	return "; " + hint
}

// A usageError is a command line that is wrong.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usage(_ *cli.Context, err error, _ bool) error { return usageError{err} }

// checked makes the action of a command refuse arguments without a flag.
func checked(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return usageError{fmt.Errorf("%s: unexpected argument %q", c.Command.Name, c.Args().First())}
		}
		return action(c)
	}
}

// An interruption is the cause of a context that a signal has cancelled.
type interruption struct{ syscall.Signal }

func (i interruption) Error() string { return "interrupted" }

// run executes the command line of the process and returns its exit code. The first signal ends
// it cleanly, the second one at once.
func (p *program) run(args []string) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals, done := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for second := false; ; second = true {
			select {
			case s := <-signals:
				if second {
					os.Exit(exitcode.OfSignal(s.(syscall.Signal)))
				}
				cancel(interruption{s.(syscall.Signal)})
			case <-done:
				return
			}
		}
	}()
	defer func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}()
	return p.execute(ctx, args)
}

// execute executes a command line and returns its exit code.
func (p *program) execute(ctx context.Context, args []string) int {
	err := p.app().RunContext(ctx, args)
	p.print(err)
	var stop interruption
	if err != nil && errors.As(context.Cause(ctx), &stop) {
		return exitcode.OfSignal(stop.Signal)
	}
	return codeOf(err)
}

// A reportedError was shown by a view.
type reportedError struct{ error }

func (r reportedError) Unwrap() error { return r.error }

// codeOf maps errors to exit codes.
func codeOf(err error) int {
	var (
		mistakes plan.Errors
		wrong    usageError
		waves    *request.WaveError
		open     *openError
		locked   *runner.LockedError
	)
	switch {
	case err == nil:
		return exitcode.Done
	case errors.As(err, &mistakes), errors.As(err, &wrong), errors.As(err, &waves):
		return exitcode.Usage
	case errors.As(err, &open), errors.As(err, &locked):
		return exitcode.Locked
	}
	return exitcode.Failed
}

// print prints an error for people, each mistake of a plan with its place.
func (p *program) print(err error) {
	for _, e := range fault.Joined(err) {
		var mistakes plan.Errors
		switch {
		case errors.As(e, new(reportedError)):
		case errors.As(e, &mistakes):
			p.mistakes(mistakes, "")
			view.PrintError(p.stderr, "bayplan-temporal", fmt.Errorf("%s; nothing was run", human.Count(len(mistakes), "mistake", "mistakes")))
		default:
			view.PrintError(p.stderr, "bayplan-temporal", e)
		}
	}
}

// mistakes prints mistakes of a plan, or warnings with a word before each.
func (p *program) mistakes(all plan.Errors, word string) {
	for _, m := range all {
		shown := *m
		shown.Msg = word + m.Msg
		fmt.Fprintln(p.stderr, view.Indent(shown.Error()))
		if text := m.Excerpt(); strings.TrimSpace(text) != "^" && text != "" {
			fmt.Fprintln(p.stderr, "    "+strings.ReplaceAll(text, "\n", "\n    "))
		}
		if m.Hint != "" {
			view.PrintHint(p.stderr, m.Hint)
		}
	}
}

// tell prints a line for people.
func (p *program) tell(line string) {
	fmt.Fprintln(p.stderr, "bayplan-temporal: "+human.Line(line))
}

// printLine prints a line of a stream of JSON.
func (p *program) printLine(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = p.json.Write(append(p.secrets.JSON(b), '\n'))
	return err
}

// A cleaner masks secrets, and replaces what a terminal would obey.
type cleaner struct {
	to      io.Writer
	secrets *redact.Redactor
}

// Write writes a text. Each write holds whole lines.
func (c *cleaner) Write(text []byte) (int, error) {
	if _, err := io.WriteString(c.to, human.Clean(c.secrets.Text(string(text)))); err != nil {
		return 0, err
	}
	return len(text), nil
}
