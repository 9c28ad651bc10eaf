package tripleo_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// Explain and Select agree about every image.
func TestExplainAgreesWithSelect(t *testing.T) {
	for name, req := range map[string]tripleo.Request{
		"rhosp13":                  {Release: "rhosp13"},
		"queens, nothing filtered": {Release: "queens"},
		"rhosp17.1":                {Release: "rhosp17.1"},
		"excludes":                 {Release: "rhosp13", Excludes: []*regexp.Regexp{regexp.MustCompile("nova")}},
		"includes":                 {Release: "rhosp16.2", Includes: []*regexp.Regexp{regexp.MustCompile("nova-")}},
		"another driver":           {Release: "rhosp13", NeutronDriver: "odl"},
	} {
		t.Run(name, func(t *testing.T) {
			selection, err := tripleo.Select(req, nil)
			if err != nil {
				t.Fatal(err)
			}
			verdicts, err := tripleo.Explain(req, nil)
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			for _, image := range selection.Images {
				want = append(want, image.Ref())
			}
			for _, v := range verdicts {
				if v.In {
					got = append(got, v.Image)
				}
				if v.Because == "" {
					t.Errorf("%s: no reason", v.Image)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("images (-select +explain):\n%s", diff)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	read := files{
		"roles.yaml": "- name: Controller\n  CountDefault: 1\n  ServicesDefault:\n  - OS::TripleO::Services::NovaApi\n- name: Spare\n  CountDefault: 0\n  ServicesDefault: [OS::TripleO::Services::NovaApi]\n",
		"on.yaml":    "resource_registry:\n  OS::TripleO::Services::NovaApi: /t/docker/services/nova-api.yaml\n  OS::TripleO::Services::Redis: OS::Heat::None\n",
	}
	verdicts, err := tripleo.Explain(tripleo.Request{
		Release: "queens", RolesFile: "roles.yaml", Environments: []string{"on.yaml"}, Tag: "1",
	}, read.open)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ image, service, because, roles, target string }{
		{"nova-api:1", "NovaApi", "a service of a role with nodes needs it", "Controller, 1 node (roles.yaml:1); Spare, 0 nodes (roles.yaml:5)", "in containers: /t/docker/services/nova-api.yaml (on.yaml:2)"},
		{"-redis:1", "Redis", "none of its services runs in containers here", "", "off: OS::Heat::None (on.yaml:3)"},
		{"-heat-all:1", "", "no service needs it by name, and services decide", "", ""},
		{"neutron-server-ovn:1", "", `it is for the neutron driver ovn, which here is ""`, "", ""},
	} {
		found := false
		for _, v := range verdicts {
			if !strings.HasSuffix(v.Image, tt.image) {
				continue
			}
			found = true
			if v.Because != tt.because {
				t.Errorf("%s: %s, want %s", v.Image, v.Because, tt.because)
			}
			for _, s := range v.Services {
				if s.Service == "OS::TripleO::Services::"+tt.service && (strings.Join(s.Roles, "; ") != tt.roles || s.Target != tt.target) {
					t.Errorf("%s: %+v", v.Image, s)
				}
			}
		}
		if !found {
			t.Errorf("no verdict on %s", tt.image)
		}
	}
}
