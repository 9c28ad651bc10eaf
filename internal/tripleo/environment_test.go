package tripleo_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

func TestReadEnvironments(t *testing.T) {
	tests := []struct {
		name  string
		files files
		want  map[string]string
	}{
		{
			"relative targets start at the file that names them",
			files{"/tht/environments/docker.yaml": "resource_registry: {a: ../docker/services/a.yaml, b: b.yaml}"},
			map[string]string{"a": "/tht/docker/services/a.yaml", "b": "/tht/environments/b.yaml"},
		},
		{
			"types, absolute paths and URLs stay as they are",
			files{"/e.yaml": "resource_registry:\n  a: OS::Heat::None\n  b: /x/../y.yaml\n  c: https://host/docker/services/c.yaml\n"},
			map[string]string{"a": "OS::Heat::None", "b": "/x/../y.yaml", "c": "https://host/docker/services/c.yaml"},
		},
		{
			"a later file wins",
			files{"/1.yaml": "resource_registry: {a: a.yaml, b: b.yaml}", "/2.yaml": "resource_registry: {a: OS::Heat::None}"},
			map[string]string{"a": "OS::Heat::None", "b": "/b.yaml"},
		},
		{
			"entries about single resources are no targets",
			files{"/e.yaml": "resource_registry:\n  resources:\n    x: {hooks: pre-create}\n  a: a.yaml\n"},
			map[string]string{"a": "/a.yaml"},
		},
		{"empty", files{"/e.yaml": ""}, map[string]string{}},
		{"only a comment", files{"/e.yaml": "# nothing\n"}, map[string]string{}},
		{"empty sections", files{"/e.yaml": "resource_registry:\nparameter_defaults: ~\nparameters: {}\n"}, map[string]string{}},
		{"a byte order mark and Windows lines", files{"/e.yaml": "\ufeffresource_registry:\r\n  a: a.yaml\r\n"}, map[string]string{"a": "/a.yaml"}},
		{"document markers and a directive", files{"/e.yaml": "%YAML 1.1\n---\nresource_registry: {a: a.yaml}\n...\n"}, map[string]string{"a": "/a.yaml"}},
		{
			"anchors, aliases and merges",
			files{"/e.yaml": "parameters: &p {b: b.yaml, c: c.yaml}\nresource_registry:\n  <<: *p\n  a: &a a.yaml\n  b: *a\n"},
			map[string]string{"a": "/a.yaml", "b": "/a.yaml", "c": "/c.yaml"},
		},
		{"JSON", files{"/e.yaml": `{"resource_registry":{"OS::X":"OS::Heat::None", 'b':b.yaml}}`}, map[string]string{"OS::X": "OS::Heat::None", "b": "/b.yaml"}},
		{"unquoted numbers stay text", files{"/e.yaml": "resource_registry: {a: 13.10, 010: 0x1f, c: !!str null}"}, map[string]string{"a": "/13.10", "010": "/0x1f", "c": "/null"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env, err := tripleo.ReadEnvironments(tt.files.open, tt.files.names())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for service, target := range env.Registry {
				got[service] = target.Text
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("registry (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTargetKinds(t *testing.T) {
	f := files{"/tht/environments/e.yaml": env(
		"A: ../docker/services/a.yaml",
		"B: ../docker/services/pacemaker/b.yaml",
		"C: ../puppet/services/c.yaml",
		"D: OS::Heat::None",
		"E: OS::TripleO::Services::A",
		"F: ../docker/services.yaml",
		"G: ../extraconfig/g.yaml",
	)}
	e, err := tripleo.ReadEnvironments(f.open, []string{"/tht/environments/e.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]tripleo.Kind{
		"A": tripleo.InContainers, "B": tripleo.InContainers, "C": tripleo.OnHost, "D": tripleo.Off,
		"E": tripleo.OnHost, "F": tripleo.OnHost, "G": tripleo.OnHost,
	}
	got := map[string]tripleo.Kind{}
	for service, target := range e.Registry {
		got[strings.TrimPrefix(service, "OS::TripleO::Services::")] = target.Kind
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if place := e.Registry["OS::TripleO::Services::D"].Place.String(); place != "/tht/environments/e.yaml:5" {
		t.Errorf("place = %s", place)
	}
}

// The root of the tree is the root directory: the absolute path has the slash
// before docker/, the relative path does not.
func TestTargetInRootDirectory(t *testing.T) {
	f := files{"/environments/docker.yaml": env("A: ../docker/services/a.yaml")}
	e, err := tripleo.ReadEnvironments(f.open, f.names())
	if err != nil {
		t.Fatal(err)
	}
	if kind := e.Registry["OS::TripleO::Services::A"].Kind; kind != tripleo.InContainers {
		t.Errorf("kind = %v", kind)
	}
}

func TestReadEnvironmentsErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"not YAML", "resource_registry: [1,\n", "environment file /e.yaml:1: this [ is never closed"},
		{"a tab", "a:\n\tb: c\n", "/e.yaml:2: a tab stands where only spaces may; indent with spaces"},
		{"a list", "- a\n", "/e.yaml:1: an environment is a mapping, this is a list"},
		{"a text", "\nhello\n", "/e.yaml:2: an environment is a mapping, this is a single value"},
		{"unknown section", "# x\nparameter_default:\n  A: b\n", `/e.yaml:2: unknown section "parameter_default"; known are resource_registry, parameter_defaults`},
		{"section is a list", "resource_registry:\n- a\n", "/e.yaml:1: resource_registry: a mapping is wanted, this is a list"},
		{"section is a text", "parameter_defaults: x\n", "/e.yaml:1: parameter_defaults: a mapping is wanted, this is a single value"},
		{"target is empty", "resource_registry:\n  a: b\n  c:\n", "/e.yaml:3: resource_registry: c: a template's path or a type is wanted, this is nothing"},
		{"target is a list", "resource_registry:\n  c: [a]\n", "/e.yaml:2: resource_registry: c: a template's path or a type is wanted, this is a list"},
		{"a second document", "a: b\n---\nc: d\n", "/e.yaml:2: a second document begins here; a file holds one"},
		{"an alias of nothing", "resource_registry:\n  a: *x\n", "/e.yaml:2: a value that begins with * is an alias, and there is no anchor for it before this"},
		{"an alias of itself", "resource_registry: &x\n  a: *x\n", "/e.yaml:2: a value that begins with * is an alias, and there is no anchor for it before this"},
		{"merging a text", "resource_registry:\n  <<: x\n", "/e.yaml:2: << takes a mapping or a list of them, this is a single value"},
		{"a list for a key", "resource_registry:\n  ? [a]\n  : b\n", "/e.yaml:3: the key before this : is missing, or is not text"},
		{"too deep", strings.Repeat("[", 100_000), "/e.yaml:1: this is nested more than 64 deep"},
		{"too deep in a block", strings.Repeat("- ", 100_000), "/e.yaml:1: this is nested more than 64 deep"},
		{"a missing comma in braces", "parameters: {a: b c: d}\n", "/e.yaml:1: a : stands inside of a text without quotes; a comma may be missing before it"},
		{"no UTF-8", "a: b\nc: \xff\n", "/e.yaml:2: this is not UTF-8 text"},
		{"too large", strings.Repeat("#", 1<<20+1), "/e.yaml: the file is larger than 1 MiB"},
		{"aliases of aliases", billionLaughs(9), "/e.yaml:6: aliases make the file larger than 100000 values"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := files{"/e.yaml": tt.text}
			_, err := tripleo.ReadEnvironments(f.open, f.names())
			wantWords(t, err, "environment file /e.yaml", tt.want)
		})
	}
}

// billionLaughs nests n lists of ten aliases each.
func billionLaughs(n int) string {
	text := "a0: &a0 x\n"
	for i := range n {
		last := "*a" + string(rune('0'+i))
		text += strings.ReplaceAll("aN: &aN [", "N", string(rune('1'+i))) + strings.Repeat(last+", ", 9) + last + "]\n"
	}
	return text
}

func TestReadEnvironmentsReportsEachFile(t *testing.T) {
	f := files{"/1.yaml": "a: [\n", "/2.yaml": "parameters: {}\n", "/3.yaml": "- x\n"}
	_, err := tripleo.ReadEnvironments(f.open, []string{"/1.yaml", "/none.yaml", "/2.yaml", "/3.yaml"})
	wantWords(t, err, "environment file /1.yaml:1: ", "environment file /none.yaml: file does not exist", "environment file /3.yaml:1: an environment is a mapping")
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 3 {
		t.Errorf("%d mistakes, want 3:\n%v", lines, err)
	}
}

func TestEnvironmentMustExist(t *testing.T) {
	_, err := tripleo.ReadEnvironments(files{}.open, []string{"/none.yaml"})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
	wantWords(t, err, "environment file /none.yaml: file does not exist")
}

// No error about a file that holds passwords quotes one of them.
func TestErrorsRepeatNoPassword(t *testing.T) {
	for name, text := range map[string]string{
		"in braces":             "parameter_defaults: {ContainerImageRegistryCredentials: {registry.redhat.io: {user:s3cr3t}}}",
		"quotes that stay open": "parameter_defaults:\n  AdminPassword: 's3cr3t\n",
		"an alias":              "parameter_defaults:\n  AdminPassword: *s3cr3t\n",
		"a tag":                 "parameter_defaults:\n  AdminPassword: !s3cr3t\n",
		"a percent sign":        "parameter_defaults:\n  AdminPassword: %s3cr3t\n",
		"an at sign":            "parameter_defaults:\n  AdminPassword: @s3cr3t\n",
		"a colon":               "parameter_defaults:\n  AdminPassword: s3cr3t: s3cr3t\n",
		"a tab":                 "parameter_defaults:\n  AdminPassword:\n\ts3cr3t\n",
		"an indentation":        "parameter_defaults:\n  AdminPassword: x\n s3cr3t\n",
		"a bracket":             "parameter_defaults:\n  AdminPassword: [s3cr3t\n",
		"a block":               "parameter_defaults:\n  AdminPassword: |3s3cr3t\n",
		"an anchor":             "parameter_defaults:\n  AdminPassword: &s3cr3t\n  B: *S3cr3t\n",
		"an escape":             "parameter_defaults:\n  AdminPassword: \"\\qs3cr3t\"\n",
		"credentials as a text": "resource_registry:\n  ContainerImageRegistryCredentials: {a: s3cr3t}\n  B: [s3cr3t]\n",
		"a section":             "parameter_defaults: s3cr3t\n",
	} {
		t.Run(name, func(t *testing.T) {
			f := files{"/e.yaml": text}
			_, err := tripleo.Select(tripleo.Request{Release: "train", Environments: f.names()}, f.open)
			if err != nil && strings.Contains(strings.ToLower(err.Error()), "s3cr3t") {
				t.Errorf("error = %v", err)
			}
		})
	}
}
