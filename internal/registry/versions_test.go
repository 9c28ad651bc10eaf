package registry

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewestFirst(t *testing.T) {
	for name, want := range map[string][]string{
		"builds":         {"13.0-100", "13.0-40.1", "13.0-40", "13.0-9", "13.0", "12.9"},
		"releases":       {"2.0", "2.0-rc2", "2.0-rc1", "2.0-beta", "2.0~pre", "1.10", "1.9", "1.9-alpha"},
		"words":          {"1.0.1", "1.0-final", "1.0"},
		"a leading v":    {"v1.10", "1.9", "v1.8"},
		"dates":          {"20260301.2", "20260301.1", "20251231"},
		"zeros":          {"1.10", "1.009", "1.08"},
		"very long ones": {"1.99999999999999999999999999", "1.9999999999999999999"},
		"no versions":    {"1.0", "sha-abc", "latest", "edge"},
	} {
		t.Run(name, func(t *testing.T) {
			got := slices.Clone(want)
			slices.Sort(got)
			newestFirst(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("13.0-40", "13.0-9", "latest")
	f.Add("1.0~rc1", "v1.0", "01.0")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if CompareVersions(a, b) != -CompareVersions(b, a) {
			t.Errorf("%q and %q are not compared the same both ways", a, b)
		}
		if CompareVersions(a, b) > 0 && CompareVersions(b, c) > 0 && CompareVersions(a, c) <= 0 {
			t.Errorf("%q, %q and %q are in no order", a, b, c)
		}
	})
}
