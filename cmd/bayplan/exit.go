package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// The exit codes, as the help lists them.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitChanges = 3
	exitLocked  = 4
)

// A usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errChanges says that diff --exit-code found something to do.
var errChanges = errors.New("there are changes")

// An interruption is the cause of a context that a signal ended.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string {
	if i.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// code is what shells expect of a program that a signal ended.
func (i interruption) code() int { return 128 + int(i.signal) }

// interruptible gives a context that the first SIGINT or SIGTERM ends, so that
// running steps stop cleanly; a second one ends the process at once.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for second := false; ; second = true {
			select {
			case s := <-signals:
				i := interruption{s.(syscall.Signal)}
				if second {
					os.Exit(i.code())
				}
				cancel(i)
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// exit tells people what went wrong and turns it into an exit code. It is the
// only place that does either.
func (p *program) exit(ctx context.Context, err error) int {
	var stop interruption
	if err != nil && errors.As(context.Cause(ctx), &stop) {
		text := stop.Error()
		if errors.As(err, new(saved)) {
			text += "; the state is saved, apply goes on from here"
		}
		fmt.Fprintf(p.err, "bayplan: %s\n", text)
		return stop.code()
	}
	code := exitCode(err)
	if code != exitDone && code != exitChanges {
		p.tell(err)
	}
	return code
}

// exitCode is the one mapping of errors to exit codes.
func exitCode(err error) int {
	var (
		mistakes plan.Errors
		wrong    usageError
		selected *runner.SelectionError
		locked   *runner.LockedError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errChanges):
		return exitChanges
	case errors.As(err, &mistakes), errors.As(err, &wrong), errors.As(err, &selected):
		return exitUsage
	case errors.As(err, &locked):
		return exitLocked
	}
	return exitFailed
}

// tell prints an error for people: each mistake of a plan with its line and a
// caret, every error's hint on a line of its own.
func (p *program) tell(err error) {
	out := near(p.err, p.dir)
	var mistakes plan.Errors
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			p.tellMistake(m)
		}
		fmt.Fprintf(out, "bayplan: %s; nothing was run\n", human.Count(len(mistakes), "mistake", "mistakes"))
		return
	}
	if errors.As(err, new(reported)) {
		return
	}
	fmt.Fprintf(out, "bayplan: %v\n", err)
	if h := hint(err); h != "" {
		fmt.Fprintf(out, "hint: %s\n", h)
	}
}

// hint says how to go on after an error, "" where nothing helps.
func hint(err error) string {
	h := fault.Hint(err)
	if h == "" && errors.As(err, new(usageError)) {
		return "bayplan --help lists the commands, bayplan COMMAND --help its flags"
	}
	return h
}

func (p *program) tellMistake(m *plan.Error) {
	out := near(p.err, p.dir)
	fmt.Fprintln(out, m)
	// The excerpt is not shortened: its caret stands below a column.
	if text := m.Excerpt(); strings.TrimSpace(text) != "^" && text != "" {
		fmt.Fprintln(near(p.err, ""), "    "+strings.ReplaceAll(text, "\n", "\n    "))
	}
	if m.Hint != "" {
		fmt.Fprintf(out, "hint: %s\n", m.Hint)
	}
}

// A reported error was already shown by a view; only its exit code counts.
type reported struct{ error }

func (r reported) Unwrap() error { return r.error }

// A saved error ended a run that keeps a state.
type saved struct{ error }

func (s saved) Unwrap() error { return s.error }
