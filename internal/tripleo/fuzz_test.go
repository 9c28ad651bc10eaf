package tripleo_test

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// FuzzSelect checks that Select, for any files, returns a selection or an error that
// names the file with the mistake.
func FuzzSelect(f *testing.F) {
	for _, seed := range []string{
		"", "a", "- a", "resource_registry: {a: b}", "resource_registry:\n  OS::TripleO::Services::Redis: ../docker/services/r.yaml\n",
		"parameter_defaults:\n  ControllerCount: 3\n  ControllerServices: [a, b]\n", "a: &a [*a]", "? a\n: b", "<<: [{a: b}]",
		twoRoles, "- name: !!str 1\n  CountDefault: !!int 2", "%YAML 1.1\n---\n{}\n...\n", "\ufeff", "a: |\n  b", "- &a\n- *a", "!!str",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, environment, roles string) {
		in := files{"/env.yaml": environment, "/roles.yaml": roles}
		for _, req := range []tripleo.Request{
			{Release: "rhosp13", Environments: []string{"/env.yaml"}},
			{Release: "train", Environments: []string{"/env.yaml"}},
			{Release: "wallaby", Template: "/roles.yaml", Environments: []string{"/env.yaml"}},
			{Release: "queens", RolesFile: "/roles.yaml", Environments: []string{"/env.yaml"}},
		} {
			_, err := tripleo.Select(req, in.open)
			if err != nil && !strings.Contains(err.Error(), "file /env.yaml") && !strings.Contains(err.Error(), "file /roles.yaml") {
				t.Errorf("error names no file: %v", err)
			}
		}
	})
}
