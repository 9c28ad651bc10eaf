package commandline

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
)

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

// Signals returns a context that the first SIGINT, SIGTERM or SIGHUP cancels, so
// that running steps stop cleanly. A second signal ends the process at once. The caller calls what it
// returns besides.
func (p *Program) Signals(parent context.Context) (context.Context, func()) {
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
					p.endDrawing()
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

// Exit prints an error for people and returns its exit code. No other function
// does either. Output that could not be written is an error of every command.
func (p *Program) Exit(ctx context.Context, err error) int {
	code := p.exitCode(ctx, err)
	if full := p.Stdout.flush(); full != nil && (code == exitcode.Done || code == exitcode.Changes) {
		p.PrintError(full)
		code = exitcode.Failed
	}
	_ = p.Stderr.flush() // there is nowhere to report its error
	return code
}

// exitCode prints an error for people and returns its exit code.
func (p *Program) exitCode(ctx context.Context, err error) int {
	var stop interruption
	if err != nil && errors.As(context.Cause(ctx), &stop) {
		text := stop.Error()
		if held := (stopped{}); errors.As(err, &held) {
			text += "; " + held.holds
		}
		fmt.Fprintf(p.Stderr, "%s: %s\n", p.Name, text)
		return stop.code()
	}
	code := CodeOf(err)
	if code != exitcode.Done {
		p.PrintError(err)
	}
	return code
}

// PrintError prints an error for people: each mistake of a plan with its line
// and a caret, and hints on lines of their own. Of errors that are joined it prints each
// that was not shown before.
func (p *Program) PrintError(err error) {
	for _, e := range fault.Joined(err) {
		p.printOneError(e)
	}
}

func (p *Program) printOneError(err error) {
	out := view.NewRelativePaths(p.Stderr, p.Dir)
	var mistakes plan.Errors
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			p.printMistake(m)
		}
		view.PrintError(out, p.Name, fmt.Errorf("%s; nothing was run", human.Count(len(mistakes), "mistake", "mistakes")))
		return
	}
	if IsReported(err) || errors.Is(err, ErrChanges) {
		return
	}
	view.PrintError(out, p.Name, err)
}

// Warn prints what may be a mistake in a plan, and tells a CI system.
func (p *Program) Warn(warnings plan.Errors) {
	p.printWarnings(warnings)
	p.Found.Warn(warnings)
}

// printWarnings prints what may be a mistake in a plan, in the form of mistakes.
func (p *Program) printWarnings(warnings plan.Errors) {
	for _, w := range warnings {
		shown := *w
		shown.Msg = "warning: " + w.Msg
		p.printMistake(&shown)
	}
}

func (p *Program) printMistake(m *plan.Error) {
	out := view.NewRelativePaths(p.Stderr, p.Dir)
	_ = view.Paint(out, view.Span{Text: view.Indent(m.Error()) + "\n"})
	// Paths in the excerpt are not shortened: that would misplace the caret.
	if text := m.Excerpt(); strings.TrimSpace(text) != "^" && text != "" {
		fmt.Fprintln(p.Stderr, "    "+strings.ReplaceAll(text, "\n", "\n    "))
	}
	if m.Hint != "" {
		view.PrintHint(out, m.Hint)
	}
}
