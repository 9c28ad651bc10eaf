package steps

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// The images of a mirror step with several destinations are what each of them has.
func TestVerifyCatalogOfSeveralDestinations(t *testing.T) {
	b := testbed.NewRegistries(t)
	media := t.TempDir()
	list := `["` + testbed.UpstreamHost + `/rhosp13/openstack-base:13.0-40"]`
	f, err := step(t, b, "mirror", "to: [local, edge, { layout: "+media+"/m.tar }], images: "+list).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Change.Apply(t.Context(), &steptest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(out["images"].Items()); n != 3 {
		t.Errorf("%d images, want 3", n)
	}
	for name, host := range map[string]string{"local": testbed.LocalHost, "edge": testbed.EdgeHost} {
		with := "registry: " + name + `, exact: true, expect: ["` + strings.Join(out["images"].Items(), `", "`) + `"]`
		found, err := step(t, b, "verify-catalog", with).Verify(t.Context(), &runner.Disk{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := found["images"].Items(); len(got) != 1 || !strings.HasPrefix(got[0], host+"/rhosp13/openstack-base:13.0-40@") {
			t.Errorf("%s has %v", name, got)
		}
	}
}

// A mirror step that renames repositories or copies only some platforms leaves
// other images than its list names. A check of the list says so, and a check of the
// step's output passes.
func TestVerifyCatalogAfterMirror(t *testing.T) {
	for name, tt := range map[string]struct{ with, hint string }{
		"as it is":       {"", ""},
		"renamed":        {"rename: [{ from: many/, to: edge/x- }]", `the registry has edge/x-app: where a mirror step renames repositories, expect what it gives, expect: "${steps.ID.images}"`},
		"some platforms": {"platforms: [linux/amd64, linux/s390x]", `the registry has some platforms of registry.access.redhat.com/many/app:1 only: where a mirror step takes no others, expect what it gives, expect: "${steps.ID.images}"`},
		"one platform":   {"platforms: [linux/amd64]", "the registry has some platforms of"},
	} {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			b.Pushable(t)
			b.MultiPlatform(t, "many/app:1", "amd64", "ppc64le", "s390x")
			list := `["` + testbed.UpstreamHost + `/many/app:1"]`
			f, err := step(t, b, "mirror", "to: local, images: "+list+", "+tt.with).Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
				t.Fatal(err)
			}
			verify := func(expect string) error {
				_, err := step(t, b, "verify-catalog", "registry: local, exact: true, expect: "+expect).Verify(t.Context(), &runner.Disk{})
				return err
			}
			err = verify(list)
			if hint := fault.Hint(err); (err == nil) != (tt.hint == "") || !strings.HasPrefix(hint, tt.hint) {
				t.Errorf("got %v (%s)", err, hint)
			}
			if err := verify(`["` + strings.Join(f.Outputs["images"].Items(), `", "`) + `"]`); err != nil {
				t.Errorf("the mirror's images: %v", err)
			}
		})
	}
}
