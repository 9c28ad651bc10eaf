package dag

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSort(t *testing.T) {
	o := Sort([][]int{{2, 1}, {3}, {3, 3}, {}, {}})
	if diff := cmp.Diff([]int{3, 1, 2, 0, 4}, o.Things); diff != "" {
		t.Errorf("order, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 1, 2}, slices.Collect(o.Before[0].All())); diff != "" || o.Stuck != nil {
		t.Errorf("stuck %v; before the first, -want +got:\n%s", o.Stuck, diff)
	}
	o = Sort([][]int{{1}, {0}, {1}, {9}, {}})
	if diff := cmp.Diff([]int{0, 1, 2, 3}, o.Stuck); diff != "" {
		t.Errorf("stuck, -want +got:\n%s", diff)
	}
}

func TestCycles(t *testing.T) {
	needs := [][]int{{1}, {2, 0}, {3}, {1, 4}, {}, {0}, {5, 7}, {6}}
	stuck := Circular(needs, []int{0, 1, 2, 3, 5, 6, 7})
	if diff := cmp.Diff([]int{0, 1, 2, 3, 5, 6, 7}, stuck); diff != "" {
		t.Errorf("circular, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, Cycle(needs, stuck)); diff != "" {
		t.Errorf("cycle, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]int{6, 7}, Circular(needs, []int{0, 5, 6, 7})); diff != "" {
		t.Errorf("the rest, -want +got:\n%s", diff)
	}
}

func TestSet(t *testing.T) {
	var s Set
	for _, i := range []int{200, 0, 63, 64} {
		s = s.With(i)
	}
	if got := slices.Collect(s.All()); !slices.Equal(got, []int{0, 63, 64, 200}) || !s.Has(200) || s.Has(1) || s.Has(1000) {
		t.Errorf("got %v", got)
	}
	if got := s.Common(Set(nil).With(64).With(65)); got != 1 {
		t.Errorf("%d in common", got)
	}
}
