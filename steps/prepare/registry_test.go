package prepare

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// preparePlan is the walk-through's step with its connections; %s is the
// environment file.
const preparePlan = `apiVersion: bayplan/v1
name: rhosp13-undercloud
connections:
  registries:
    upstream: { host: registry.access.redhat.com, embedded: { images: rhosp13 } }
    local:    { host: "192.0.2.1:8787", tls: disabled }
steps:
  prepare:
    type: prepare
    with:
      release: rhosp13
      namespace: registry.access.redhat.com/rhosp13
      prefix: openstack-
      tag_from_label: "{version}-{release}"
      push_destination: 192.0.2.1:8787
      environments: [%q]
      env_file: overcloud_images.yaml
      images_file: local_registry_images.yaml
`

// prepareFromPlan makes the plan's only step, with its connections opened.
func prepareFromPlan(t *testing.T, text string) *prepare {
	t.Helper()
	p, errs := plan.Parse(filepath.Join(t.TempDir(), "bayplan.yaml"), []byte(text), plan.Options{})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	out, errs := connections.Connect(p)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	if err := out.Open(true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	})
	step := Type(out).New().(*prepare)
	step.Sign(p.Name, p.Steps[0].ID)
	if err := p.Steps[0].With.Decode(step, nil).Err(); err != nil {
		t.Fatal(err)
	}
	if err := step.Validate(); err != nil {
		t.Fatal(err)
	}
	return step
}

func prepareEnvironment(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../internal/tripleo/testdata/tht/environments", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// The labels come from a registry that answers like the upstream one. The insecure
// registry comes from its connection.
func TestPrepareFromPlan(t *testing.T) {
	text := fmt.Sprintf(preparePlan, prepareEnvironment(t, "services-docker/neutron-ovn-dvr-ha.yaml"))
	p := prepareFromPlan(t, text)
	prepareApply(t, prepareDiff(t, p, &runner.Disk{}).Change)
	want := prepareHeader + prepareRead(t, "../../internal/tripleo/testdata/walkthrough/overcloud_images.yaml")
	if diff := cmp.Diff(want, prepareRead(t, string(p.EnvFile))); diff != "" {
		t.Errorf("environment file (-want +got):\n%s", diff)
	}
	if _, err := p.again().Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Error(err)
	}
}

func TestPrepareFromPlanErrors(t *testing.T) {
	environment := prepareEnvironment(t, "services-docker/neutron-ovn-dvr-ha.yaml")
	tests := []struct{ name, old, new, want string }{
		{"no such tag", "prefix:", "tag: '99'\n      prefix:", "registry.access.redhat.com/rhosp13/openstack-aodh-api:99: not found"},
		{"no such repository", "/rhosp13\n      prefix", "/rhosp31\n      prefix", "registry.access.redhat.com/rhosp31/openstack-aodh-api:latest: not found"},
		{"no such label", "{release}\"", "{build-date}\"", `openstack-aodh-api:latest: no label "build-date"; the labels are `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(fmt.Sprintf(preparePlan, environment), tt.old, tt.new, 1)
			_, err := prepareFromPlan(t, text).Inputs(t.Context(), &runner.Disk{})
			prepareWantError(t, err, tt.want)
			if lines := strings.Count(err.Error(), "\n") + 1; lines != 45 {
				t.Errorf("%d mistakes, want 45: one for each image", lines)
			}
		})
	}
}
