package view

import (
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hinshun/vt10x"

	"github.com/bayplan/bayplan/runner"
)

// A diff has rows while it runs, and nothing of them when it is shown.
func TestTerminalUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 80, 24, nil)
		l.end(&runner.Report{})
		l.resize(80, 24)
		last := NewEnd(func(r *runner.Report) error {
			_, err := io.WriteString(l, "the diff: "+r.Summary()+"\n")
			return err
		})
		l.view = NewTerminalUntil(Terminal{To: l, Size: l.size, Unicode: true}, []Step{{ID: "a"}, {ID: "b", Needs: []string{"a"}}}, last)
		l.observe(runner.Event{Kind: runner.RunBegin, Mode: runner.ModeDiff}, begin("a"))
		l.wait(1500 * time.Millisecond)
		if got, want := l.screen(), "a  checking what is there  1s\n0 of 2 done  waiting: b for a\n"; got != want {
			t.Errorf("while it runs:\n%s", got)
		}
		l.observe(ended("a", runner.ToCreate, 1), begin("b"), ended("b", runner.Failed, 1))
		l.end(&runner.Report{})
		if got, want := l.screen(), "the diff: 0 changed, 0 unchanged, 0 failed in 0.0s\n"; got != want {
			t.Errorf("in the end:\n%s", got)
		}
	})
}

// Failures go where standard error goes, and rows stay on the terminal.
func TestTerminalWithAnotherErrs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs strings.Builder
		l := &lab{t: t, columns: 80, height: 24, term: vt10x.New(vt10x.WithSize(80, 24))}
		same := func(w io.Writer) io.Writer { return w }
		l.view = NewTerminal(Terminal{To: l, Size: l.size, Text: same}, Screen{Out: l, Errs: &errs}, []Step{{ID: "a"}})
		failed := ended("a", runner.Failed, 1)
		failed.Error = "boom"
		l.observe(runner.Event{Kind: runner.RunBegin}, begin("a"))
		l.wait(1500 * time.Millisecond)
		l.observe(failed)
		l.end(&runner.Report{})
		if got, want := errs.String(), "a: failed in 1.0s\na: boom\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := l.screen(), "0 changed, 0 unchanged, 0 failed in 0.0s\n"; got != want {
			t.Errorf("on the terminal:\n%s", got)
		}
	})
}

// Others have written below the rows while the process was stopped.
func TestTerminalAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 80, 24, nil, Step{ID: "a"})
		l.observe(begin("a"))
		l.wait(1500 * time.Millisecond)
		io.WriteString(l, "[1]+  Stopped\n$ fg\nbayplan apply\n")
		l.view.(*TerminalView).frame(syscall.SIGCONT)
		want := "a  checking what is there  1s\n0 of 1 done\n[1]+  Stopped\n$ fg\nbayplan apply\na  checking what is there  1s\n0 of 1 done\n"
		if got := l.screen(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		l.observe(ended("a", runner.Unchanged, 1))
		l.end(&runner.Report{})
	})
}
