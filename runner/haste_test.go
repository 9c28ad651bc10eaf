package runner

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// A hasty step knows its input's digest only when it has done its work.
type hasty struct {
	hastened, forgetful bool
	done                *bool
	asked               []bool // whether haste was called for, at each Inputs
}

func (h *hasty) Hasten() { h.hastened = true }

func (h *hasty) Inputs(context.Context, World) ([]Input, error) {
	h.asked = append(h.asked, h.hastened)
	if h.hastened && (!*h.done || h.forgetful || len(h.asked) == 1) {
		return []Input{{Name: "late"}}, nil
	}
	return []Input{{Name: "late", Digest: "known"}}, nil
}

func (h *hasty) Diff(context.Context, World, *Record) (*Finding, error) {
	if *h.done {
		return &Finding{}, nil
	}
	return &Finding{Change: &Change{Summary: "x", Items: []Item{{Op: Create, What: "x", Name: "x"}}, Apply: func(context.Context, Progress) error {
		if !h.hastened {
			return errors.New("nobody said that there is haste")
		}
		*h.done = true
		return nil
	}}}, nil
}

func (h *hasty) Verify(context.Context, World) (Outputs, error) { return nil, nil }

func hastyRunner(t *testing.T, forgetful bool) *Runner {
	t.Helper()
	done := false
	types := Types{{Name: "hasty", New: func() Step { return &hasty{done: &done, forgetful: forgetful} }}}
	p, errs := plan.Parse(filepath.Join(t.TempDir(), "bayplan.yaml"), []byte(planOf("a: hasty")), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	g, errs := Check(p, types)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return stored(t, g)
}

func TestInputsOfAStepInHasteAreRecordedAfterwards(t *testing.T) {
	r := hastyRunner(t, false)
	wantStatuses(t, run(t, r.Diff), "a create")
	wantStatuses(t, run(t, r.Apply), "a changed")
	rec := r.Store.Record("a")
	if got := rec.Input("late"); got != "known" {
		t.Errorf("recorded input = %q", got)
	}
	wantStatuses(t, run(t, r.Apply), "a unchanged")
	if again := r.Store.Record("a"); again.Key != rec.Key {
		t.Errorf("key = %s after haste and %s without", rec.Key, again.Key)
	}
}

func TestInputThatStaysUnknownIsAMistake(t *testing.T) {
	report := run(t, hastyRunner(t, true).Apply)
	wantStatuses(t, report, "a failed")
	if err := report.Steps[0].Err; err == nil || !strings.Contains(err.Error(), "no digest") {
		t.Errorf("error = %v", err)
	}
}
