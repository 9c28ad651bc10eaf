package tripleo_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

const twoRoles = `
- name: Controller
  CountDefault: 1
  tags: [primary]
  ServicesDefault:
    - OS::TripleO::Services::Keystone
    - OS::TripleO::Services::Redis
- name: Storage
  ServicesDefault:
    - OS::TripleO::Services::SwiftStorage
- name: Bare
  CountDefault: 2
`

// base puts three services into containers.
const base = "resource_registry:\n" +
	"  OS::TripleO::Services::Keystone: ../docker/services/keystone.yaml\n" +
	"  OS::TripleO::Services::Redis: ../docker/services/redis.yaml\n" +
	"  OS::TripleO::Services::SwiftStorage: ../docker/services/swift-storage.yaml\n"

func TestRolesDecide(t *testing.T) {
	tests := []struct {
		name   string
		params string
		want   []string
	}{
		{"defaults", "", []string{"Keystone", "Redis"}},
		{"a count switches a role on", "{StorageCount: 3}", []string{"Keystone", "Redis", "SwiftStorage"}},
		{"a count of 0 switches one off", "{ControllerCount: 0}", nil},
		{"a text is a count", "{ControllerCount: '0', StorageCount: '1'}", []string{"SwiftStorage"}},
		{"services replace the role's", "{ControllerServices: ['OS::TripleO::Services::Redis']}", []string{"Redis"}},
		{"no services", "{ControllerServices: []}", nil},
		{"services as Heat's comma list", "{BareServices: 'OS::TripleO::Services::Redis, OS::TripleO::Services::SwiftStorage'}", []string{"Keystone", "Redis", "SwiftStorage"}},
		{"services of a role without nodes", "{StorageServices: ['OS::TripleO::Services::Keystone'], ControllerCount: 0}", nil},
		{"parameters of roles that are not there", "{ComputeCount: many}", []string{"Keystone", "Redis"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := files{"/tht/e/1.yaml": base, "/tht/e/2.yaml": "parameter_defaults: " + tt.params, "/roles.yaml": twoRoles}
			s := selectFrom(t, f, tripleo.Request{Environments: []string{"/tht/e/1.yaml", "/tht/e/2.yaml"}, RolesFile: "/roles.yaml"})
			want := []string{}
			for _, service := range tt.want {
				want = append(want, "OS::TripleO::Services::"+service)
			}
			if diff := cmp.Diff(want, s.Services); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLaterParameterWins(t *testing.T) {
	f := files{
		"/tht/e/1.yaml": base + "parameter_defaults: {ControllerCount: 0, StorageCount: 1}",
		"/tht/e/2.yaml": "parameter_defaults: {ControllerCount: 1}",
		"/roles.yaml":   twoRoles,
	}
	s := selectFrom(t, f, tripleo.Request{Environments: []string{"/tht/e/1.yaml", "/tht/e/2.yaml"}, RolesFile: "/roles.yaml"})
	if len(s.Services) != 3 {
		t.Errorf("services = %v", s.Services)
	}
}

func TestRolesErrors(t *testing.T) {
	tests := []struct{ name, roles, params, want string }{
		{"empty file", "", "", "roles file /roles.yaml: a list of roles is wanted, this is nothing"},
		{"a mapping", "name: x\n", "", "roles file /roles.yaml:1: a list of roles is wanted, this is a mapping"},
		{"a role that is a text", "- name: a\n- b\n", "", "/roles.yaml:2: a role is a mapping, this is a single value"},
		{"no name", "- name: a\n- CountDefault: 1\n", "", "/roles.yaml:2: the role has no name"},
		{"count is a word", "- name: a\n  CountDefault: many\n", "", `/roles.yaml:2: CountDefault: a whole number is wanted, not "many"`},
		{"count is below zero", "- name: a\n  CountDefault: -1\n", "", `/roles.yaml:2: CountDefault: a whole number is wanted, not "-1"`},
		{"count may be octal", "- name: a\n  CountDefault: 010\n", "", `CountDefault: a whole number is wanted, not "010"`},
		{"count is nothing", "- name: a\n  CountDefault:\n", "", "CountDefault: a whole number is wanted, this is nothing"},
		{"services are a mapping", "- name: a\n  ServicesDefault: {b: c}\n", "", "/roles.yaml:2: ServicesDefault: a list is wanted, this is a mapping"},
		{"a service is a list", "- name: a\n  ServicesDefault:\n  - b\n  - [c]\n", "", "/roles.yaml:4: ServicesDefault: item 2: a name is wanted, this is a list"},
		{"not YAML", "- name: [\n", "", "roles file /roles.yaml:1: "},
		{"parameter count is a word", twoRoles, "{\n  ControllerCount: three}", `environment file /e.yaml:2: ControllerCount: a whole number is wanted, not "three"`},
		{"parameter services are a mapping", twoRoles, "{StorageServices: {a: b}}", "environment file /e.yaml:1: StorageServices: a list is wanted, this is a mapping"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := files{"/e.yaml": "parameter_defaults: " + tt.params, "/roles.yaml": tt.roles}
			_, err := tripleo.Select(tripleo.Request{Release: "queens", Environments: []string{"/e.yaml"}, RolesFile: "/roles.yaml"}, f.open)
			wantWords(t, err, tt.want)
		})
	}
}

func TestRolesFileMustExist(t *testing.T) {
	for _, release := range tripleo.Releases() {
		_, err := tripleo.Select(tripleo.Request{Release: release, RolesFile: "/none.yaml"}, files{}.open)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error = %v", release, err)
		}
		wantWords(t, err, "roles file /none.yaml: ")
	}
}
