package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// The exit codes that do not come from a signal.
const (
	exitDone    = exitcode.Done
	exitFailed  = exitcode.Failed
	exitUsage   = exitcode.Usage
	exitChanges = exitcode.Changes
	exitLocked  = exitcode.Locked
)

// errChanges reports that diff --exit-code found changes.
var errChanges = errors.New("there are changes")

// An interruption is the cause of a context that a signal has cancelled.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string {
	switch i.signal {
	case syscall.SIGTERM:
		return "terminated"
	case syscall.SIGHUP:
		return "the terminal has gone"
	}
	return "interrupted"
}

func (i interruption) code() int { return exitcode.OfSignal(i.signal) }

// signalContext returns a context that the first SIGINT, SIGTERM or SIGHUP cancels, so
// that running steps stop cleanly. A second signal ends the process at once, after a
// call of atOnce.
func signalContext(parent context.Context, atOnce func()) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	done := make(chan struct{})
	go func() {
		for second := false; ; second = true {
			select {
			case s := <-signals:
				i := interruption{s.(syscall.Signal)}
				if second {
					atOnce()
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

// exit prints an error for people and returns its exit code. No other function
// does either. Output that could not be written is an error of every command.
func (p *program) exit(ctx context.Context, err error) int {
	code := p.exitCode(ctx, err)
	if full := p.stdout.flush(); full != nil && (code == exitDone || code == exitChanges) {
		p.printError(full)
		code = exitFailed
	}
	_ = p.stderr.flush() // there is nowhere to report its error
	return code
}

// exitCode prints an error for people and returns its exit code.
func (p *program) exitCode(ctx context.Context, err error) int {
	var stop interruption
	if err != nil && errors.As(context.Cause(ctx), &stop) {
		text := stop.Error()
		if errors.As(err, new(savedError)) {
			text += "; the state is saved, and the next apply continues from it"
		}
		fmt.Fprintf(p.stderr, "bayplan: %s\n", text)
		return stop.code()
	}
	code := codeOf(err)
	if code != exitDone {
		p.printError(err)
	}
	return code
}

// codeOf maps errors to exit codes.
func codeOf(err error) int {
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

// printError prints an error for people: each mistake of a plan with its line
// and a caret, and hints on lines of their own. Of errors that are joined it prints each
// that was not shown before.
func (p *program) printError(err error) {
	for _, e := range fault.Joined(err) {
		p.printOneError(e)
	}
}

func (p *program) printOneError(err error) {
	out := view.NewRelativePaths(p.stderr, p.dir)
	var mistakes plan.Errors
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			p.printMistake(m)
		}
		view.PrintError(out, "bayplan", fmt.Errorf("%s; nothing was run", human.Count(len(mistakes), "mistake", "mistakes")))
		return
	}
	if errors.As(err, new(reportedError)) || errors.Is(err, errChanges) {
		return
	}
	view.PrintError(out, "bayplan", err)
}

// warn prints what may be a mistake in a plan, and tells a CI system.
func (p *program) warn(warnings plan.Errors) {
	p.printWarnings(warnings)
	p.found.Warn(warnings)
}

// printWarnings prints what may be a mistake in a plan, in the form of mistakes.
func (p *program) printWarnings(warnings plan.Errors) {
	for _, w := range warnings {
		shown := *w
		shown.Msg = "warning: " + w.Msg
		p.printMistake(&shown)
	}
}

func (p *program) printMistake(m *plan.Error) {
	out := view.NewRelativePaths(p.stderr, p.dir)
	_ = view.Paint(out, view.Span{Text: view.Indent(m.Error()) + "\n"})
	// Paths in the excerpt are not shortened: that would misplace the caret.
	if text := m.Excerpt(); strings.TrimSpace(text) != "^" && text != "" {
		fmt.Fprintln(p.stderr, "    "+strings.ReplaceAll(text, "\n", "\n    "))
	}
	if m.Hint != "" {
		view.PrintHint(out, m.Hint)
	}
}

// A reportedError was already shown by a view. Only its exit code is still needed.
type reportedError struct{ error }

func (r reportedError) Unwrap() error { return r.error }

// A savedError ended a run that has saved its state.
type savedError struct{ error }

func (s savedError) Unwrap() error { return s.error }
