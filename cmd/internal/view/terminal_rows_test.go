package view

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bayplan/bayplan/runner"
)

// More steps run than the terminal has lines.
func TestManySteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []Step
		for i := range 300 {
			steps = append(steps, Step{ID: fmt.Sprintf("s%d", i), Needs: []string{"first"}})
		}
		l := newLab(t, 80, 24, nil, steps...)
		for _, s := range steps[:64] {
			l.observe(begin(s.ID))
		}
		l.wait(time.Second)
		lines := strings.Split(strings.TrimSpace(l.screen()), "\n")
		if n := len(lines); n != 22 || lines[20] != "and 44 more" || lines[19] != "s19  checking what is there  1s" {
			t.Errorf("%d lines:\n%s", n, strings.Join(lines, "\n"))
		}
		if got, want := lines[21], "0 of 300 done  waiting: s64 for first; s65 for first; s66 for first; 233 more"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		for _, s := range steps[:64] {
			l.observe(ended(s.ID, runner.Unchanged, 1))
		}
		l.end(&runner.Report{})
		if got, want := l.screen(), "0 changed, 0 unchanged, 0 failed in 0.0s\n"; got != want {
			t.Errorf("at the end:\n%s", got)
		}
	})
}

// What has become narrower has broken rows. They are all removed, and nothing above.
func TestResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 120, 24, nil, walkthrough...)
		l.observe(begin("dirs"), ended("dirs", runner.Changed, 0), begin("containers"), changing("containers", 1, 100*mib))
		l.wait(time.Second)
		l.observe(moved("containers", 10*mib, 100*mib))
		l.wait(time.Second)
		lines := strings.Split(l.screen(), "\n")
		// What a terminal with reflow makes of it.
		l.resize(50, 24)
		for _, line := range lines {
			for len([]rune(line)) > 50 {
				cut := []rune(line)
				fmt.Fprintln(l, string(cut[:50]))
				line = string(cut[50:])
			}
			if line != "" {
				fmt.Fprintln(l, line)
			}
		}
		l.wait(redrawAfter)
		want := "dirs: changed in 0.0s\ncontainers  ╸───────   90.0 MiB left    4.8 MiB/s\n1 of 6 done  4 steps wait\n"
		if got := l.screen(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		l.observe(ended("containers", runner.Interrupted, 1))
		l.end(&runner.Report{})
		want = "dirs: changed in 0.0s\ncontainers: interrupted in 1.0s\n0 changed, 0 unchanged, 0 failed in 0.0s\n"
		if got := l.screen(); got != want {
			t.Errorf("at the end:\n%s", got)
		}
	})
}

// A frame that shows what the terminal already shows is not written.
func TestNothingNewIsNotDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 80, 24, nil, Step{ID: "first"})
		l.observe(begin("first"))
		l.wait(10 * time.Second)
		if n := strings.Count(l.written.String(), "checking"); n < 9 || n > 11 {
			t.Errorf("%d frames in 10 s", n)
		}
		l.observe(ended("first", runner.Unchanged, 0))
		l.end(&runner.Report{})
	})
}

func TestColors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 80, 24, func(t *Terminal) { t.Color = true }, Step{ID: "a"}, Step{ID: "b"})
		failed := ended("b", runner.Failed, 1)
		failed.Error, failed.Hint, failed.Notes = "to\x1b[2Jld\u202e", "look", []string{"odd"}
		l.observe(begin("a"), ended("a", runner.Changed, 0), begin("b"))
		l.wait(time.Second)
		l.observe(failed)
		l.end(&runner.Report{Steps: []*runner.StepReport{{Status: runner.Failed}}})
		for _, want := range []string{
			"a: \x1b[32mchanged\x1b[0m in 0.0s\n", "b: \x1b[31mfailed\x1b[0m in 1.0s\n", "\x1b[31mb:\x1b[0m to·[2Jld·\n",
			"\x1b[33mhint:\x1b[0m look\n", "b: \x1b[33mnote:\x1b[0m odd\n", "\x1b[31m0 changed, 0 unchanged, 1 failed in 0.0s\x1b[0m\n",
			"\x1b[2m1 of 2 done\x1b[0m\n", "b\x1b[2m  checking what is there  1s\x1b[0m\n",
		} {
			if got := l.written.String(); !strings.Contains(got, want) {
				t.Errorf("there is no %q in %q", want, got)
			}
		}
	})
}
