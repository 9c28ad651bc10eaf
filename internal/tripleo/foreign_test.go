package tripleo_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// Of a key that somebody else's file has twice, the last one counts, and a note names it.
func TestKeysGivenTwice(t *testing.T) {
	f := files{
		"/tht/e.yaml": "resource_registry:\n  OS::TripleO::Services::Storage: OS::Heat::None\n" +
			"parameter_defaults:\n  ControllerCount: 0\n  ControllerCount: 1\n",
		"/tht/f.yaml": "parameter_defaults: {StorageCount: 7}\nparameter_defaults: {StorageCount: 0}\n",
		"/roles.yaml": "- name: Controller\n  CountDefault: 0\n- name: Storage\n  CountDefault: 5\n" +
			"- name: Controller\n  CountDefault: 1\n  CountDefault: 2\n  ServicesDefault: [OS::TripleO::Services::NovaApi]\n",
		"/t.j2": "container_images_template:\n- imagename: \"wrong:1\"\n  imagename: \"{{namespace}}/nova-api:{{tag}}\"\n  services: [OS::TripleO::Services::NovaApi]\n",
	}
	s, err := tripleo.Select(tripleo.Request{
		Release: "train", Environments: []string{"/tht/e.yaml", "/tht/f.yaml"}, RolesFile: "/roles.yaml",
		Template: "/t.j2", Namespace: "quay.io/x", Tag: "1",
	}, f.open)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`/tht/e.yaml:5: the key "ControllerCount" is there twice; the first is in line 4, and this one counts`,
		`/tht/f.yaml:2: the key "parameter_defaults" is there twice; the first is in line 1, and this one counts`,
		`/roles.yaml:7: the key "CountDefault" is there twice; the first is in line 6, and this one counts`,
		`/roles.yaml:5: the role "Controller" is there twice; the first is in line 1, and this one counts`,
		`template file /t.j2:3: the key "imagename" is there twice; the first is in line 2, and this one counts (counted in what it renders to)`,
	}
	if diff := cmp.Diff(want, s.Notes[:min(len(want), len(s.Notes))]); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if len(s.Images) != 1 || s.Images[0].Ref() != "quay.io/x/nova-api:1" {
		t.Errorf("images = %v", s.Images)
	}
}

// What YAML allows in an environment is read as the tools of TripleO read it.
func TestForeignYAML(t *testing.T) {
	for name, text := range map[string]string{
		"names with colons in braces": "resource_registry: {OS::TripleO::Services::A: OS::Heat::None, x: y}",
		"in brackets in braces":       "parameter_defaults: {a: [OS::X, OS::Y::Z]}\nresource_registry: {OS::TripleO::Services::A: OS::Heat::None}",
		"a key without a value":       "parameter_defaults: {a:b}\nresource_registry: {OS::TripleO::Services::A: OS::Heat::None}",
		"a null key":                  "parameter_defaults: {~: b, null: c}\nresource_registry: {OS::TripleO::Services::A: OS::Heat::None}",
		"tags":                        "resource_registry: !!map {\"OS::TripleO::Services::A\": !!str OS::Heat::None, b: !!int 5}",
		"a timestamp and a directive": "%YAML 1.1\n---\nparameter_defaults: {a: 2001-12-14T21:59:43.10-05:00, 2001-01-01: b, 1: c}\nresource_registry: {OS::TripleO::Services::A: OS::Heat::None}",
		"merge keys":                  "parameter_defaults:\n  x: &x {b: c}\n  y: {<<: *x, <<: {d: e}}\nresource_registry: {OS::TripleO::Services::A: OS::Heat::None}",
	} {
		f := files{"/e.yaml": text + "\n"}
		env, err := tripleo.ReadEnvironments(f.open, f.names())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := env.Registry["OS::TripleO::Services::A"]; got.Kind != tripleo.Off {
			t.Errorf("%s: the service is mapped to %v", name, got)
		}
	}
	f := files{"/e.yaml": "parameter_defaults: {a: b\tc}\n"}
	if _, err := tripleo.ReadEnvironments(f.open, slices.Clone(f.names())); err == nil {
		t.Error("a tab in a text without quotes, which the library drops, is accepted")
	}
}
