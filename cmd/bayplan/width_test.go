package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/explain"
	"github.com/bayplan/bayplan/internal/human"
)

// All that explains bayplan fits a terminal of 80 columns.
func TestTextFits80Columns(t *testing.T) {
	var lines [][]string
	for _, c := range newProgram(nil, nil).app().Commands {
		lines = append(lines, []string{c.Name, "--help"})
		for _, sub := range c.Subcommands {
			lines = append(lines, []string{c.Name, sub.Name, "--help"})
		}
	}
	lines = append(lines, []string{"--help"}, []string{"explain"})
	for _, name := range append(explain.Types(), explain.Topics()...) {
		lines = append(lines, []string{"explain", name})
	}
	for _, args := range lines {
		out, err := exec.Command(binary, args...).CombinedOutput()
		if err != nil {
			t.Errorf("bayplan %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		for line := range strings.Lines(string(out)) {
			if n := human.Width(strings.TrimRight(line, "\n")); n > explain.LineWidth {
				t.Errorf("bayplan %s: %d columns: %s", strings.Join(args, " "), n, line)
			}
		}
	}
}
