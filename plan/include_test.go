package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

// loaded loads the plan edge/bayplan.yaml of files whose text follows the version. It
// returns the mistakes with DIR in place of the directory.
func loaded(t *testing.T, files map[string]string, o plan.Options) (*plan.Plan, []string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if !strings.HasSuffix(name, ".txt") {
			text = "apiVersion: bayplan/v1\n" + text
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, text)
	}
	for i, file := range o.VarFiles {
		o.VarFiles[i] = filepath.Join(dir, file)
	}
	if o.Connections != "" {
		o.Connections = filepath.Join(dir, o.Connections)
	}
	p, errs := plan.Load(t.Context(), filepath.Join(dir, "edge", "bayplan.yaml"), o)
	var got []string
	for _, msg := range messages(errs) {
		got = append(got, strings.ReplaceAll(msg, dir, "DIR"))
	}
	return p, got
}

func TestInclude(t *testing.T) {
	files := map[string]string{
		"edge/bayplan.yaml": `name: edge
include: [../common/steps.yaml, ../common/connections.yaml]
vars: { centre: registry.example.com, root: /srv }
defaults: { retry: 3 }
steps:
  own: { type: x, needs: [first], with: { into: here, archive: "${vars.root} ${vars.fragment}" } }
`,
		"common/steps.yaml": `include: [deep/vars.yaml]
vars: { root: , fragment: f }
steps:
  first: { type: x, with: { into: images, archive: "${vars.centre} ${vars.deep}" } }
`,
		"common/connections.yaml": `include: [deep/vars.yaml]
secrets: { push: { file: secret } }
connections:
  registries:
    centre: { host: "${vars.centre}", password: "${secrets.push}" }
`,
		"common/deep/vars.yaml": "vars: { deep: d, spare: s }\nsecrets: { spare: { env: SPARE } }\n",
		"mock.txt":              "connections: { registries: { mock: { host: m.example.com } } }\n",
	}
	p, mistakes := loaded(t, files, plan.Options{})
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	dir := filepath.Dir(filepath.Dir(p.File))
	var got []string
	for _, s := range p.Steps {
		var a archive
		if errs := s.With.Decode(&a, nil); len(errs) > 0 {
			t.Fatal(shown(errs))
		}
		rel, _ := filepath.Rel(dir, string(a.Into))
		at, _ := filepath.Rel(dir, s.File())
		got = append(got, fmt.Sprintf("%s of %s: %s, %s, %d", s.ID, at, rel, a.Archive, s.Retry))
	}
	want := []string{
		"first of common/steps.yaml: common/images, registry.example.com d, 3",
		"own of edge/bayplan.yaml: edge/here, /srv f, 3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var texts []string
	for _, text := range p.Texts() {
		rel, _ := filepath.Rel(dir, text.File)
		texts = append(texts, rel)
	}
	if diff := cmp.Diff([]string{"edge/bayplan.yaml", "common/connections.yaml", "common/steps.yaml", "common/deep/vars.yaml"}, texts); diff != "" {
		t.Errorf("files, -want +got:\n%s", diff)
	}
	if p.Name != "edge" || p.Dir != filepath.Join(dir, "edge") || len(p.Registries) != 1 || len(p.Warnings) > 0 {
		t.Errorf("name %s, dir %s, registries %v, %v", p.Name, p.Dir, p.Registries, p.Warnings)
	}
	p, mistakes = loaded(t, files, plan.Options{Connections: "mock.txt", Vars: map[string]string{"deep": "x"}})
	if mistakes != nil || len(p.Registries) != 1 || p.Registries[0].Name != "mock" {
		t.Errorf("registries %v, %v", p.Registries, mistakes)
	}
}

func TestIncludeMistakes(t *testing.T) {
	const steps = "steps: { a: { type: x } }\n"
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{
			"names that are there twice",
			map[string]string{
				"edge/bayplan.yaml": "name: x\ninclude: [a.yaml, b.yaml]\nvars: { v: \"1\" }\nsecrets: { s: { env: A } }\nconnections: { hosts: { h: { host: a.example.com } } }\n" + steps,
				"edge/a.yaml":       "vars: { v: \"2\", w: , x: }\nsecrets: { s: { env: B } }\nconnections: { hosts: { h: { host: b.example.com } } }\n" + steps,
				"edge/b.yaml":       "vars: { w: \"1\" }\n",
			},
			[]string{
				"DIR/edge/a.yaml:2:24: variable \"x\" has no value (give it one here or with --var x=...)",
				"DIR/edge/bayplan.yaml:4:9: the variable \"v\" is there twice (the first one is at DIR/edge/a.yaml:2:9)",
				"DIR/edge/bayplan.yaml:5:12: the secret \"s\" is there twice (the first one is at DIR/edge/a.yaml:3:12)",
				"DIR/edge/bayplan.yaml:6:25: the host \"h\" is there twice (the first one is at DIR/edge/a.yaml:4:25)",
				"DIR/edge/bayplan.yaml:7:10: the step \"a\" is there twice (the first one is at DIR/edge/a.yaml:5:10)",
			},
		},
		{
			"a circle",
			map[string]string{
				"edge/bayplan.yaml": "name: x\ninclude: [../a.yaml]\n" + steps,
				"a.yaml":            "include: [b.yaml, edge/bayplan.yaml]\n",
				"b.yaml":            "include: [./a.yaml, b.yaml]\n",
			},
			[]string{
				"DIR/a.yaml:2:19: files include each other in a circle: DIR/edge/bayplan.yaml -> DIR/a.yaml -> DIR/edge/bayplan.yaml",
				"DIR/b.yaml:2:11: files include each other in a circle: DIR/a.yaml -> DIR/b.yaml -> DIR/a.yaml",
				"DIR/b.yaml:2:21: files include each other in a circle: DIR/b.yaml -> DIR/b.yaml",
			},
		},
		{
			"files that are none",
			map[string]string{
				"edge/bayplan.yaml": "name: x\ninclude: [none.yaml, https://example.com/a.yaml, \"${vars.x}\", \"\", /dev/null, .., list.txt]\n" + steps,
				"edge/list.txt":     "- a\n",
			},
			[]string{
				"DIR/edge/bayplan.yaml:3:11: include \"none.yaml\": no such file or directory",
				"DIR/edge/bayplan.yaml:3:22: include names files of this host, and \"https://example.com/a.yaml\" is none",
				"DIR/edge/bayplan.yaml:3:51: a file of include cannot hold references",
				"DIR/edge/bayplan.yaml:3:63: include names files of this host, and \"\" is none",
				"DIR/edge/bayplan.yaml:3:67: include \"/dev/null\": is a device, not a regular file",
				"DIR/edge/bayplan.yaml:3:78: include \"..\": is a directory, not a regular file",
				"DIR/edge/list.txt:1:1: the file must hold a mapping of keys to values, is a list",
			},
		},
		{
			"keys that an included file does not have",
			map[string]string{
				"edge/bayplan.yaml": "name: x\ninclude: [a.txt]\n" + steps,
				"edge/a.txt":        "name: y\ndefaults: {}\nvars: { v: \"${vars.w}\" }\nsteps: { b: { type: x, with: { into: \"${vars.nothing}\" } } }\n",
			},
			[]string{
				"DIR/edge/a.txt:1:1: unknown key \"name\" in an included file (the keys here are apiVersion, include, vars, secrets, connections, steps)",
				"DIR/edge/a.txt:1:1: apiVersion is missing (begin the file with apiVersion: bayplan/v1)",
				"DIR/edge/a.txt:2:1: unknown key \"defaults\" in an included file (the keys here are apiVersion, include, vars, secrets, connections, steps)",
				"DIR/edge/a.txt:3:13: there is no variable \"w\"",
				"DIR/edge/a.txt:4:39: there is no variable \"nothing\"",
			},
		},
		{"text", map[string]string{"edge/bayplan.yaml": "name: x\ninclude: a.yaml\n" + steps}, []string{"DIR/edge/bayplan.yaml:3:10: include must be a list of files, is text (write include: [a.yaml])"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got := loaded(t, tt.files, plan.Options{})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTooManyFiles(t *testing.T) {
	files := map[string]string{"edge/bayplan.yaml": "name: x\ninclude: [f0.yaml]\nsteps: { a: { type: x } }\n"}
	for i := range 100 {
		files[fmt.Sprintf("edge/f%d.yaml", i)] = fmt.Sprintf("include: [f%d.yaml]\n", i+1)
	}
	files["edge/f100.yaml"] = ""
	if _, got := loaded(t, files, plan.Options{}); len(got) != 1 || !strings.Contains(got[0], "edge/f99.yaml:2:11: the plan includes more than 100 files") {
		t.Errorf("got %q", got)
	}
	files["edge/f99.yaml"] = ""
	if p, got := loaded(t, files, plan.Options{}); got != nil || len(p.Texts()) != 101 {
		t.Errorf("got %q", got)
	}
}
