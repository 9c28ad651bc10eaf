package pathindex

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPairs(t *testing.T) {
	x, pairs := Index{}, Pairs{}
	x.Add([]string{"/srv/a", "/"}, 0)
	x.Add([]string{"/srv"}, 1)
	x.Add([]string{"/srv/ab"}, 2)
	pairs.Above(x, []string{"/srv/a/b"}, 3)
	pairs.Above(x, []string{"/srv"}, 1)
	if diff := cmp.Diff(Pairs{{0, 3}: true, {1, 3}: true, {0, 1}: true}, pairs); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRelations(t *testing.T) {
	if got := slices.Collect(Upwards("/a/b")); !slices.Equal(got, []string{"/a/b", "/a", "/"}) {
		t.Errorf("upwards: %q", got)
	}
	tests := []struct {
		a, b                      string
		within, contains, overlap bool
	}{
		{"/a", "/a", true, true, true},
		{"/a/b", "/a", true, false, true},
		{"/a", "/", true, false, true},
		{"/a", "/a/b", false, true, true},
		{"/ab", "/a", false, false, false},
	}
	for _, tt := range tests {
		if Within(tt.a, tt.b) != tt.within || Contains(tt.a, tt.b) != tt.contains || Overlap(tt.a, tt.b) != tt.overlap {
			t.Errorf("%s and %s", tt.a, tt.b)
		}
	}
}
