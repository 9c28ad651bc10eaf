package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run writes what apply writes for other programs, also after a failure.
func TestOutputs(t *testing.T) {
	file := planFile(t, "outputs", `
vars: { sites: [o1, o2], bad: "" }
steps:
  dir:
    type: mkdir
    for_each: ${vars.sites}
    site: ${each.key}
    with: { paths: ["x${vars.bad}"] }
`)
	beginWorker(t, "o1")
	beginWorker(t, "o2")
	dir := t.TempDir()
	out := func(name string) string { return filepath.Join(dir, name) }
	flags := []string{"run", "-f", file, "--report", out("page.html"), "--junit", out("junit.xml"), "--metrics", out("m.prom"), "--ci", "github"}
	run(t, flags...).ended(t, 0, "2 changed", "page.html: apply of ", ", done", "::group::bayplan-temporal run")
	contains(t, out("page.html"), `dir[&#34;o1&#34;]`, "<h2 id=\"plan\">Plan</h2>")
	contains(t, out("junit.xml"), `<testsuite name="bayplan-temporal run outputs"`, `tests="2"`)
	contains(t, out("m.prom"), `bayplan_last_run_success{command="apply",plan="outputs"} 1`, `status="changed"} 2`)

	failed := run(t, append(flags, "--json", "--var", "bad=/"+strings.Repeat("long", 100))...)
	failed.ended(t, 1, "2 failed")
	if text := failed.stdout.String(); strings.Contains(text, "page.html: ") || !strings.Contains(text, `"kind":"run-end"`) {
		t.Errorf("standard output:\n%s", text)
	}
	contains(t, out("page.html"), ", failed</title>")
	contains(t, out("junit.xml"), `failures="2"`)
	contains(t, out("m.prom"), `bayplan_last_run_exit_code{command="apply",plan="outputs"} 1`, `status="failed"} 2`)

	run(t, "run", "-f", file, "--report", file).ended(t, 2, "--report "+file)
	run(t, "run", "-f", filepath.Join(dir, "none.yaml"), "--metrics", out("none.prom")).ended(t, 2)
	contains(t, out("none.prom"), `bayplan_last_run_exit_code{command="apply",plan="none"} 2`)
}

// contains checks that a file has texts.
func contains(t *testing.T, file string, texts ...string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(string(b), text) {
			t.Errorf("%s lacks %q:\n%.2000s", file, text, b)
		}
	}
}

// What is refused before anything is run has the code of a command line that is wrong, also with
// --json, where it is told as a document.
func TestRefused(t *testing.T) {
	file := planFile(t, "refused", `
vars: { api_token: none }
steps:
  dir: { type: mkdir, with: { paths: ["${vars.api_token}"] } }
`)
	c := run(t, "run", "-f", file, "--var", "api_token=hunter2-hunter2", "--json")
	c.ended(t, 2, "api_token")
	if !strings.Contains(c.stdout.String(), `"cause":"command-line"`) {
		t.Errorf("standard output:\n%s", c.stdout)
	}
}
