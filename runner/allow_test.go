package runner

import (
	"errors"
	"slices"
	"testing"
)

// What is not allowed is not applied: its step fails, and the steps before it are done.
func TestAllow(t *testing.T) {
	l := newLab()
	r := stored(t, l.graph(t, "a: fake {says: x}\nb: fake a {says: y}\nc: fake b {says: z}"))
	refused := errors.New("not reviewed")
	r.Allow = func(step string, in []Input, items []Item) error {
		if step == "b" && items[0].Name == "y" && in[0].Name == "with.says" {
			return refused
		}
		return nil
	}
	report := run(t, r.Apply)
	wantStatuses(t, report, "a changed, b failed, c skipped")
	if !errors.Is(report.Err(), refused) {
		t.Errorf("error %v", report.Err())
	}
	if !slices.Equal(l.log, []string{"a"}) {
		t.Errorf("applied: %q", l.log)
	}
	r.Allow = nil
	wantStatuses(t, run(t, r.Apply), "a unchanged, b changed, c changed")
}
