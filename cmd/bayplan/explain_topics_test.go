package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/explain"
)

// Each topic is described within the width of a terminal, with all settings of its
// parts.
func TestExplainTopics(t *testing.T) {
	wants := map[string][]string{
		"plan":        {"include:", "Settings of defaults:", "  spool ("},
		"vars":        {"BAYPLAN_VAR_NAME", "--var-file FILE", "${vars.sites.edge1}"},
		"secrets":     {"Settings of secrets.NAME:", "  env (text, optional)", "  file (text, optional)"},
		"connections": {"Settings of connections.registries.NAME:", "  host (text, required)", "  auth_url (text, optional)", "Settings of connections.hosts.NAME:"},
		"steps":       {"Settings of steps.ID:", "  needs (list of text, optional)", "  timeout (text, optional)", "  for_each (", `check["edge2"]`},
		"references":  {"${steps.ID.OUTPUT}", "${steps.sites[each.key].OUTPUT}"},
		"lock":        {"choices:", "--locked"},
		"environment": {"BAYPLAN_VAR_NAME\n", "PLAN.lock.yaml", "docker-credential-NAME", "XDG_CONFIG_HOME"},
		"exit-codes":  {"  3    diff", "  130  interrupted"},
		"json":        {`"format_version": 1`},
	}
	for _, name := range explain.Topics() {
		var out strings.Builder
		p := newProgram(&out, &out)
		if code := p.run([]string{"bayplan", "explain", name}); code != exitcode.Done {
			t.Errorf("%s: exit code %d", name, code)
		}
		if wants[name] == nil {
			t.Errorf("%s: the test expects nothing of it", name)
		}
		for _, want := range wants[name] {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, out.String())
			}
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > explain.LineWidth && !strings.Contains(line, " | ") {
				t.Errorf("%s: a line of %d characters: %s", name, n, line)
			}
		}
	}
}
