package steps

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

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
