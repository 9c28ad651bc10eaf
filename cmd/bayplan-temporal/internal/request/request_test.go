package request

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps"
)

// write writes files below a folder, and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// build makes the run of a plan.
func build(t *testing.T, dir string, o Options) (*Built, error) {
	t.Helper()
	if o.File == "" {
		o.File = filepath.Join(dir, "plan.yaml")
	}
	o.Centre, o.Version = "centre", either(o.Version, "v1")
	return Build(t.Context(), o)
}

func either(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

const head = "apiVersion: bayplan/v1\n"

// A run has the plan, what it includes, its lock, the lists that its steps read and the values of
// its variables, and no more.
func TestBuild(t *testing.T) {
	dir := write(t, map[string]string{
		"edge/plan.yaml": head + `name: edge
include: [../common/more.yaml]
vars: { sites: [a, b], size: small, colour: red }
steps:
  art: { type: artifact, with: { files: [list.txt, made.txt, big.img, key.pem], name: "x:1", to: hub } }
  dir:
    type: mkdir
    for_each: ${vars.sites}
    site: ${each.key}
    needs: [art]
    with: { paths: ["${vars.size}/${vars.colour}/${steps.art.digest}"] }
`,
		"common/more.yaml":    head + "connections: { registries: { hub: { host: hub.example.com, embedded: { dir: hub } } } }\n",
		"edge/plan.lock.yaml": "lock",
		"edge/list.txt":       "list",
		"edge/big.img":        strings.Repeat("x", maxList+1),
		"edge/key.pem":        "-----BEGIN PRIVATE KEY-----",
		"edge/other.txt":      "not read",
		"values.yaml":         "size: large\n",
	})
	values := plan.Options{VarFiles: []string{filepath.Join(dir, "values.yaml")}, Environ: []string{"HOME=/x", "BAYPLAN_VAR_colour=blue", "BAYPLAN_VAR_token=of another plan"}}
	run, err := build(t, dir, Options{File: filepath.Join(dir, "edge/plan.yaml"), Values: values, Waves: []string{"a", "*"}, MaxFailures: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{".values/1.yaml", "common/more.yaml", "edge/list.txt", "edge/plan.lock.yaml", "edge/plan.yaml"}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(run.Bundle.Files)), want); diff != "" || run.Bundle.File != "edge/plan.yaml" {
		t.Errorf("%s:\n%s", run.Bundle.File, diff)
	}
	if diff := cmp.Diff(run.Steps, []Step{
		{ID: "art", Type: "artifact", Site: "centre", Gives: []string{"digest"}},
		{ID: `dir["a"]`, Type: "mkdir", Site: "a", Wave: 1, Needs: []string{"art"}, Asks: []string{"art"}},
		{ID: `dir["b"]`, Type: "mkdir", Site: "b", Wave: 2, Needs: []string{"art"}, Asks: []string{"art"}},
	}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(run.Bundle.Environ, []string{"BAYPLAN_VAR_colour=blue"}); diff != "" {
		t.Error(diff)
	}
	again, err := run.Packed.Head.OpenRun(run.Packed.Run)
	if diff := cmp.Diff(run.Run, again); err != nil || diff != "" {
		t.Error(err, diff)
	}
	bundle, err := run.Packed.Head.OpenBundle(run.Packed.Bundle)
	if diff := cmp.Diff(run.Bundle, bundle); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// What the loader has read travels: a pipe is read once, and an edit in between changes nothing.
func TestReadOnce(t *testing.T) {
	dir := write(t, map[string]string{"plan.yaml": head + "name: p\nvars: { x: a }\nsteps: { dir: { type: mkdir, with: { paths: [\"${vars.x}\"] } } }\n"})
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := out.WriteString("x: piped\n"); err != nil {
		t.Fatal(err)
	}
	out.Close()
	run, err := build(t, dir, Options{Values: plan.Options{VarFiles: []string{fmt.Sprintf("/dev/fd/%d", in.Fd())}}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run.Bundle.VarFiles, []string{".values/1"}); diff != "" || string(run.Bundle.Files[".values/1"]) != "x: piped\n" {
		t.Errorf("%q: %s", run.Bundle.Files, diff)
	}

	c := &collector{}
	file := filepath.Join(dir, "plan.yaml")
	read, errs := loader.Load(t.Context(), file, plan.Options{Opened: c.opened})
	if errs != nil {
		t.Fatal(errs)
	}
	if err := os.WriteFile(file, []byte("edited"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := c.collect(read.Parsed, Options{}, steps.Builtin(read.Conns))
	if err != nil || string(b.Files["plan.yaml"]) == "edited" {
		t.Errorf("%v: %q", err, b.Files)
	}
}

// A file of values does not carry a secret away.
func TestSecretInFile(t *testing.T) {
	for name, text := range map[string]string{"by its name": "password: hunter2\n", "below": "sites: { api_token: hunter2 }\n", "in a URL": "url: https://me:hunter2@h/f\n"} {
		dir := write(t, map[string]string{
			"plan.yaml":   head + "name: p\nvars: { password: \"\", url: \"\", sites: {} }\nsteps: { dir: { type: mkdir, with: { paths: [x] } } }\n",
			"values.yaml": text,
		})
		_, err := build(t, dir, Options{Values: plan.Options{VarFiles: []string{filepath.Join(dir, "values.yaml")}}})
		if err == nil || !strings.Contains(err.Error(), "values.yaml would travel with the plan, and it has values that may be secret") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	const sites = `name: p
vars: { sites: [a, b], password: x }
steps:
  get: { type: fetch, site: a, with: { url: "https://example.com/${vars.password}", to: file } }
  one: { type: mkdir, site: a, needs: [get], with: { paths: [x] } }
  two: { type: mkdir, site: b, needs: [one], with: { paths: [x] } }
`
	read := strings.Replace(sites, "  two:", "  place: { type: place, site: b, needs: [get], with: { files: [file], into: x } }\n  two:", 1)
	refers := strings.Replace(sites, "paths: [x] } }\n  two", "paths: [x] } }\n  three: { type: mkdir, site: b, with: { paths: [\"${steps.get.path}\"] } }\n  two", 1)
	for name, tt := range map[string]struct {
		plan  string
		vars  map[string]string
		waves []string
		want  string
	}{
		"no mistake":                 {plan: sites},
		"a path of another site":     {plan: read, want: `which step "get" writes at site "a", and this step runs at site "b"`},
		"an output that is a path":   {plan: refers, want: `the output "path" of step "get" names files at site "a"`},
		"a site that cannot be":      {plan: strings.Replace(sites, "site: b", "site: b/c", 1), want: `site: a site is named by letters`},
		"a secret from outside":      {plan: sites, vars: map[string]string{"password": "y"}, want: `the variable "password" would travel with the plan`},
		"waves against the order":    {plan: sites, waves: []string{"b", "a"}, want: `step two at site "b" is in wave 1 and waits for step one at site "a" in wave 2`},
		"a pattern that is not one":  {plan: sites, waves: []string{"["}, want: "syntax error in pattern"},
		"an include that is missing": {plan: "include: [x.yaml]\n" + sites, want: "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"plan.yaml": head + tt.plan})
			_, err := build(t, dir, Options{Values: plan.Options{Vars: tt.vars}, Waves: tt.waves})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	files := func(plan string, names ...string) Bundle {
		b := Bundle{Plan: plan, File: "plan.yaml", Files: map[string][]byte{}}
		for _, name := range names {
			b.Files[name] = nil
		}
		return b
	}
	for name, tt := range map[string]struct {
		bundle Bundle
		ok     bool
	}{
		"right":         {files("p", "plan.yaml", "lists/a.txt"), true},
		"a parent":      {files("p", "plan.yaml", "../x"), false},
		"no plan":       {files("p", "x"), false},
		"absolute":      {files("p", "plan.yaml", "/etc/x"), false},
		"plan above":    {files("..", "plan.yaml"), false},
		"plan below":    {files("a/b", "plan.yaml"), false},
		"plan no name":  {files("", "plan.yaml"), false},
		"plan absolute": {files("/etc", "plan.yaml"), false},
	} {
		if err := tt.bundle.Check(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
