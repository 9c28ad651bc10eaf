package request

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
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
func build(t *testing.T, dir string, o Options) (*Run, error) {
	t.Helper()
	if o.File == "" {
		o.File = filepath.Join(dir, "plan.yaml")
	}
	o.Centre, o.Version = "centre", "v1"
	run, _, err := Build(t.Context(), o)
	return run, err
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
	if diff := cmp.Diff(slices.Sorted(maps.Keys(run.Files)), want); diff != "" || run.File != "edge/plan.yaml" {
		t.Errorf("%s:\n%s", run.File, diff)
	}
	if diff := cmp.Diff(run.Steps, []Step{
		{ID: "art", Type: "artifact", Site: "centre", Gives: []string{"digest"}},
		{ID: `dir["a"]`, Type: "mkdir", Site: "a", Wave: 1, Needs: []string{"art"}, Asks: []string{"art"}},
		{ID: `dir["b"]`, Type: "mkdir", Site: "b", Wave: 2, Needs: []string{"art"}, Asks: []string{"art"}},
	}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(run.Environ, []string{"BAYPLAN_VAR_colour=blue"}); diff != "" {
		t.Error(diff)
	}
	packed, err := run.Pack()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Unpack(packed)
	if diff := cmp.Diff(run, again); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// The digest is that of what the run means, whatever program has made it.
func TestDigest(t *testing.T) {
	dir := write(t, map[string]string{"plan.yaml": head + "name: p\nvars: { x: a }\nsteps: { dir: { type: mkdir, with: { paths: [\"${vars.x}\"] } } }\n"})
	one, err := build(t, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	two := *one
	two.Version = "v2"
	if err := two.Seal(); err != nil || two.Digest != one.Digest {
		t.Errorf("%v: %s and %s", err, one.Digest, two.Digest)
	}
	three, err := build(t, dir, Options{Values: plan.Options{Vars: map[string]string{"x": "b"}}})
	if err != nil || three.Digest == one.Digest {
		t.Errorf("%v: another value gives the same digest", err)
	}
}

func TestUnpack(t *testing.T) {
	form, err := Pack(Run{Form: Form + 1, Version: "v9"})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := Pack(Run{Form: Form, Digest: "sha256:0"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		packed []byte
		want   string
	}{
		"a form of later": {form, "the run was started by version v9 in form 2, and this program knows form 1"},
		"another digest":  {sum, "its digest is sha256:"},
		"no gzip":         {[]byte("x"), "read the run: "},
		"too large":       {bomb(t), "more than 64.0 MiB unpacked"},
	} {
		if _, err := Unpack(tt.packed); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Unpack(form); !errors.As(err, new(*FormError)) {
		t.Errorf("got %v", err)
	}
}

func bomb(t *testing.T) []byte {
	packed, err := Pack(strings.Repeat("x", maxUnpacked+1))
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// What Temporal would refuse is an error before anything is sent.
func TestTooLarge(t *testing.T) {
	noise := make([]byte, 3<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	run := &Run{Form: Form, Bundle: Bundle{File: "plan.yaml", Files: map[string][]byte{"plan.yaml": nil, "images.txt": noise}}}
	_, err := run.Pack()
	if err == nil || !strings.Contains(err.Error(), "Temporal takes at most 2.0 MiB") || !strings.Contains(fault.Hint(err), "the largest file is images.txt with 3.0 MiB") {
		t.Errorf("got %v: %s", err, fault.Hint(err))
	}
	run.Files["images.txt"] = bytes.Repeat([]byte("x"), 3<<20)
	if _, err := run.Pack(); err != nil {
		t.Errorf("compressed it is small: %v", err)
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
	files := func(names ...string) Bundle {
		b := Bundle{File: "plan.yaml", Files: map[string][]byte{}}
		for _, name := range names {
			b.Files[name] = nil
		}
		return b
	}
	for name, tt := range map[string]struct {
		run Run
		ok  bool
	}{
		"right":         {Run{Plan: "p", Bundle: files("plan.yaml", "lists/a.txt")}, true},
		"a parent":      {Run{Plan: "p", Bundle: files("plan.yaml", "../x")}, false},
		"no plan":       {Run{Plan: "p", Bundle: files("x")}, false},
		"absolute":      {Run{Plan: "p", Bundle: files("plan.yaml", "/etc/x")}, false},
		"plan above":    {Run{Plan: "..", Bundle: files("plan.yaml")}, false},
		"plan below":    {Run{Plan: "a/b", Bundle: files("plan.yaml")}, false},
		"plan no name":  {Run{Plan: "", Bundle: files("plan.yaml")}, false},
		"plan absolute": {Run{Plan: "/etc", Bundle: files("plan.yaml")}, false},
	} {
		if err := tt.run.Check(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
