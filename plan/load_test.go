package plan_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
)

// write writes a file into a directory and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const vars = `apiVersion: bayplan/v1
name: undercloud
vars:
  home: /home/stack
  images: ${vars.home}/images
  site:
  spare: x
steps:
  it:
    type: untar
    with: { into: "${vars.images}", archive: "${vars.site}" }
`

// archive is the configuration of the step in vars.
type archive struct {
	Into    plan.Path `json:"into"`
	Archive string    `json:"archive"`
}

func TestVariables(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "bayplan.yaml", vars)
	lab := write(t, dir, "lab.yaml", "site: lab\nhome: /lab\n")
	other := write(t, dir, "other.yaml", "site: other\n")
	tests := []struct {
		name  string
		o     plan.Options
		want  archive
		wrong []string
	}{
		{"file", plan.Options{VarFiles: []string{lab}}, archive{"/lab/images", "lab"}, nil},
		{"later file", plan.Options{VarFiles: []string{lab, other}}, archive{"/lab/images", "other"}, nil},
		{"flag before file", plan.Options{VarFiles: []string{lab}, Vars: map[string]string{"site": "flag"}}, archive{"/lab/images", "flag"}, nil},
		{"environment", plan.Options{Environ: []string{"BAYPLAN_VAR_site=env", "BAYPLAN_VAR_nobody=x", "HOME=/x"}}, archive{"/home/stack/images", "env"}, nil},
		{"file before environment", plan.Options{Environ: []string{"BAYPLAN_VAR_site=env"}, VarFiles: []string{other}}, archive{"/home/stack/images", "other"}, nil},
		{"given text is literal", plan.Options{Vars: map[string]string{"site": "${vars.home} $${x"}}, archive{"/home/stack/images", "${vars.home} $${x"}, nil},
		{"overridden whole", plan.Options{Vars: map[string]string{"images": "/x", "site": ""}}, archive{"/x", ""}, nil},
		{"none", plan.Options{}, archive{"/home/stack/images", ""}, []string{file + `:6:8: variable "site" has no value (give it one here or with --var site=...)`}},
		{"undeclared", plan.Options{Vars: map[string]string{"site": "a", "hom": "b"}}, archive{"/home/stack/images", "a"}, []string{`command line: --var hom: the plan has no variable "hom" (did you mean home?)`}},
		{"unused", plan.Options{Vars: map[string]string{"site": "a", "spare": "b"}}, archive{"/home/stack/images", "a"}, []string{"command line: --var spare: nothing in the plan uses this variable"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, errs := plan.Load(t.Context(), file, tt.o)
			if diff := cmp.Diff(tt.wrong, messages(errs)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var got archive
			if errs := p.Step("it").With.Decode(&got, nil); len(errs) > 0 {
				t.Error(shown(errs))
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestVarFileMistakes(t *testing.T) {
	dir := t.TempDir()
	plain := strings.Replace(vars, "site:\n", "site: s\n", 1)
	tests := []struct{ name, text, want string }{
		{"unknown name", "home: /a\nsiet: b\n", `VARS:2:1: the plan has no variable "siet" (did you mean site?)`},
		{"number", "site: 13.10\n", `VARS:1:7: variable "site" must be text, but YAML reads it as a number (quote it: write site: "13.10")`},
		{"no mapping", "- site\n", "VARS:1:1: the file must hold a mapping of keys to values, is a list"},
		{"twice", "site: a\nsite: b\n", `VARS:2:1: the key "site" is given twice (the first one is in line 1)`},
		{"empty", "", "VARS:1:1: the file is empty"},
		{"no YAML", "site: [\n", "VARS:1:7: this [ is never closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, dir, "vars.yaml", tt.text)
			_, errs := plan.Parse(filepath.Join(dir, "bayplan.yaml"), []byte(plain), plan.Options{VarFiles: []string{file}})
			got := strings.ReplaceAll(strings.Join(messages(errs), "\n"), file, "VARS")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	_, errs := plan.Parse("bayplan.yaml", []byte(plain), plan.Options{VarFiles: []string{"/nowhere/vars.yaml"}})
	if got := strings.Join(messages(errs), "\n"); got != "/nowhere/vars.yaml: --var-file: no such file or directory" {
		t.Errorf("got %q", got)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "bayplan.yaml", `apiVersion: bayplan/v1
name: undercloud
defaults: { timeout: 1h, retry: 2 }
steps:
  a: { type: mkdir }
  b: { type: untar, needs: [a], timeout: 0s, retry: 0 }
  c: { type: mirror, needs: [b, a], timeout: 10m }
`)
	p, errs := plan.Load(t.Context(), file, plan.Options{})
	if len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	if p.File != file || p.Dir != dir || p.Name != "undercloud" {
		t.Errorf("got %q in %q, named %q", p.File, p.Dir, p.Name)
	}
	a, b, c := p.Step("a"), p.Step("b"), p.Step("c")
	if a.Timeout != time.Hour || a.Retry != 2 || b.Timeout != 0 || b.Retry != 0 || c.Timeout != 10*time.Minute || c.Retry != 2 {
		t.Errorf("limits are %v %d, %v %d, %v %d", a.Timeout, a.Retry, b.Timeout, b.Retry, c.Timeout, c.Retry)
	}
	if diff := cmp.Diff([]plan.Need{{ID: "b", Pos: plan.Pos{Line: 7, Col: 30}}, {ID: "a", Pos: plan.Pos{Line: 7, Col: 33}}}, c.Needs); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if a.Pos != (plan.Pos{Line: 5, Col: 3}) || a.TypePos != (plan.Pos{Line: 5, Col: 14}) || p.Step("d") != nil {
		t.Errorf("step a is at %v, its type at %v; step d is %v", a.Pos, a.TypePos, p.Step("d"))
	}
	if got := a.Errorf(a.TypePos, "unknown type %q", a.Type).Text(); got != file+":5:14: unknown type \"mkdir\"\n      a: { type: mkdir }\n                 ^" {
		t.Errorf("got %s", got)
	}
	for name, path := range map[string]string{"absent": filepath.Join(dir, "no.yaml"), "directory": dir} {
		t.Run(name, func(t *testing.T) {
			p, errs := plan.Load(t.Context(), path, plan.Options{})
			if p != nil || len(errs) != 1 || !strings.HasPrefix(errs.Error(), path+": ") || strings.Contains(errs[0].Msg, path) {
				t.Errorf("got %v and %v", p, errs)
			}
		})
	}
}

// Parse returns the readable part of a plan.
func TestPlanWithMistakes(t *testing.T) {
	p, errs := plan.Parse("bayplan.yaml", []byte("name: 13\nsteps:\n  a: { type: mkdir, needs: [nobody, b, b], timeout: x }\n  b: [untar]\n"), plan.Options{})
	if len(errs) != 6 {
		t.Errorf("%d mistakes:\n%s", len(errs), shown(errs))
	}
	if p == nil || len(p.Steps) != 2 || p.Steps[0].Type != "mkdir" || len(p.Steps[0].Needs) != 1 || p.Steps[1].Type != "" {
		t.Errorf("got %+v", p)
	}
	if errs.Err() == nil || plan.Errors(nil).Err() != nil {
		t.Error("Err does not tell mistakes from none")
	}
	for name, text := range map[string]string{"list": "- a", "text": "a", "nothing": "", "no YAML": "{"} {
		if p, errs := plan.Parse("bayplan.yaml", []byte(text), plan.Options{}); p != nil || len(errs) == 0 {
			t.Errorf("%s: got %v and %v", name, p, errs)
		}
	}
}

const production = `apiVersion: bayplan/v1
name: undercloud
vars: { host: registry.access.redhat.com, only: x }
secrets: { token: { env: REGISTRY_TOKEN } }
connections:
  registries:
    upstream: { host: "${vars.host}/${vars.only}", password: "${secrets.token}" }
  clouds: { undercloud: { cloud: undercloud } }
steps:
  it: { type: mirror }
`

func TestConnectionsFile(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	file := write(t, dir, "bayplan.yaml", production)
	mock := write(t, elsewhere, "mock.yaml", `vars: { port: "5000" }
secrets: { mock: { file: mock.secret } }
connections:
  registries:
    upstream: { host: "${vars.host}:${vars.port}", ca: ca.pem, password: "${secrets.mock}" }
`)
	write(t, elsewhere, "mock.secret", "opensesame\n")
	more := write(t, elsewhere, "vars.yaml", "port: \"5001\"\n")
	o := plan.Options{Connections: mock, VarFiles: []string{more}, Vars: map[string]string{"only": "y"}}
	p, errs := plan.Load(t.Context(), file, o)
	if len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	if len(p.Registries) != 1 || len(p.Clouds) != 0 {
		t.Fatalf("got %d registries, %d clouds", len(p.Registries), len(p.Clouds))
	}
	var got struct {
		Host     string      `json:"host"`
		CA       plan.Path   `json:"ca"`
		Password plan.Secret `json:"password"`
	}
	if errs := p.Registries[0].Body.Decode(&got, nil); len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	value, err := got.Password.Reveal(t.Context())
	if got.Host != "registry.access.redhat.com:5001" || got.CA != plan.Path(filepath.Join(elsewhere, "ca.pem")) || value != "opensesame" || err != nil {
		t.Errorf("got %+v, the secret is %q, %v", got, value, err)
	}
	o.Vars = map[string]string{"port": "5002", "host": "x"}
	if _, errs := plan.Load(t.Context(), file, o); len(errs) > 0 {
		t.Error(shown(errs))
	}
	if e := p.Registries[0].Body.Errorf("host", "bad"); e.File != mock || e.Pos.Line != 5 {
		t.Errorf("got %v", e)
	}
}

// A variable with the name of a secret that comes from outside is a secret.
func TestSecretVariables(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "bayplan.yaml", "apiVersion: bayplan/v1\nname: p\nvars: { env_token: a, file_password: b, flag_secret: c, site: d }\nsteps:\n  a: { type: mkdir, with: { paths: [\"${vars.env_token}${vars.file_password}${vars.flag_secret}${vars.site}\"] } }\n")
	vars := write(t, dir, "vars.yaml", "file_password: in-the-file\n")
	secrets := redact.New()
	_, errs := plan.Load(t.Context(), file, plan.Options{
		Environ: []string{"BAYPLAN_VAR_env_token=in-the-environment", "BAYPLAN_VAR_site=a-site", "BAYPLAN_VAR_other_token=of-another-plan"}, VarFiles: []string{vars},
		Vars: map[string]string{"flag_secret": "on-the-command-line"}, Redactor: secrets,
	})
	if len(errs) > 0 {
		t.Fatal(shown(errs))
	}
	got := secrets.Text("in-the-environment in-the-file on-the-command-line of-another-plan a-site")
	if want := strings.Repeat(redact.Mark+" ", 4) + "a-site"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestConnectionsFileMistakes(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ name, text, want string }{
		{"no connections", "vars: {}\n", "MOCK:1:1: connections is missing"},
		{"a whole plan", "name: x\nconnections: {}\nsteps: {}\n", "MOCK:1:1: unknown key \"name\" in a connections file (the keys here are apiVersion, vars, secrets, connections, others)\nMOCK:3:1: unknown key \"steps\" in a connections file (the keys here are apiVersion, vars, secrets, connections, others)"},
		{"version", "apiVersion: v1\nconnections: {}\n", `MOCK:1:13: this bayplan does not support apiVersion "v1" (write apiVersion: bayplan/v1)`},
		{"secret of the plan", "connections: { registries: { a: { password: \"${secrets.token}\" } } }\n", `MOCK:1:46: there is no secret "token"`},
		{"written out", "connections: { registries: { a: { password: hunter2 } } }\n", "MOCK:1:45: a secret must not be written into a plan (write ${secrets.NAME} here, and say where to find it under secrets: NAME: {env: VARIABLE})"},
		{"no YAML", "connections: {\n", "MOCK:1:14: this { is never closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, dir, "mock.yaml", tt.text)
			_, errs := plan.Parse("bayplan.yaml", []byte(production), plan.Options{Connections: file})
			got := strings.ReplaceAll(strings.Join(messages(errs), "\n"), file, "MOCK")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	_, errs := plan.Parse("bayplan.yaml", []byte(production), plan.Options{Connections: "/nowhere.yaml"})
	if got := strings.Join(messages(errs), "\n"); got != "/nowhere.yaml: --connections: no such file or directory" {
		t.Errorf("got %q", got)
	}
}
