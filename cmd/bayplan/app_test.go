package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
)

// Help fits a terminal of 80 columns.
func TestHelpFits(t *testing.T) {
	var visit func(words []string, cmds []*cli.Command)
	visit = func(words []string, cmds []*cli.Command) {
		var out, errs bytes.Buffer
		p := newProgram(&out, &errs)
		if code := p.run(append(words, "--help")); code != exitcode.Done {
			t.Errorf("%v --help exits with %d: %s", words, code, errs.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 || strings.Contains(line, "[ --") {
				t.Errorf("%v --help, %d columns:\n%s", words, n, line)
			}
		}
		for _, c := range cmds {
			visit(append(words[:len(words):len(words)], c.Name), c.Subcommands)
		}
	}
	visit([]string{"bayplan"}, newProgram(io.Discard, io.Discard).app().Commands)
}

// Mistakes on the command line have an exit code of their own, and a hint.
func TestUsageErrors(t *testing.T) {
	for _, args := range []string{
		"", "nothing", "--nothing", "help nothing", "apply --help nothing", "serve", "serve nothing",
		"validate --nothing", "apply one", "why", "why one two", "diff --parallel x", "apply --parallel 0", "apply --parallel -1", "diff --var x", "explain nothing",
	} {
		t.Run(args, func(t *testing.T) {
			var out, errs bytes.Buffer
			p := newProgram(&out, &errs)
			if code := p.run(append([]string{"bayplan"}, strings.Fields(args)...)); code != exitcode.Usage {
				t.Errorf("exits with %d, want %d", code, exitcode.Usage)
			}
			if !strings.Contains(errs.String(), "\nhint: ") {
				t.Errorf("prints no hint:\n%s", errs.String())
			}
		})
	}
}
