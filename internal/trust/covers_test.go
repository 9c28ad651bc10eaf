package trust

import "testing"

func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		pattern, other string
		covers         bool
	}{
		{"**", "quay.io/a/b", true},
		{"**", "quay.io/**", true},
		{"**", "oci:/srv/media:a/b", true},
		{"quay.io/**", "quay.io/a/*", true},
		{"quay.io/**", "quay.io/a?/**", true},
		{"quay.io/*", "quay.io/a", true},
		{"quay.io/*", "quay.io/a*b", true},
		{"quay.io/a*", "quay.io/a*", true},
		{"quay.io/a", "quay.io/a", true},
		{"*.io/a", "quay.io/a", true},
		{"quay.io/a?", "quay.io/a?", true},
		{"quay.io/*", "quay.io/**", false},
		{"quay.io/*", "quay.io/a/b", false},
		{"quay.io/a?", "quay.io/a*", false},
		{"quay.io/a", "quay.io/a*", false},
		{"quay.io/*b", "quay.io/*", false},
		{"quay.io/a/**", "quay.io/a", false},
		{"quay.io/a/**", "quay.io/**", false},
		{"quay.io/**", "**", false},
		{"quay.io/*-x", "quay.io/*", false},
		{"", "quay.io/a", false},
		{"**", "", false},
	} {
		if got := NewPattern(tt.pattern).Covers(tt.other); got != tt.covers {
			t.Errorf("%q covers %q: %t", tt.pattern, tt.other, got)
		}
	}
}
