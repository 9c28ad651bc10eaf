package runner

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// A latecomer step knows its input's digest only when it has done its work.
type latecomer struct {
	prepared, forgetful bool
	done                *bool
	asked               []bool // whether BeforeApply had been called, at each Inputs
}

func (h *latecomer) BeforeApply() { h.prepared = true }

func (h *latecomer) Inputs(context.Context, World) ([]Input, error) {
	h.asked = append(h.asked, h.prepared)
	if h.prepared && (!*h.done || h.forgetful || len(h.asked) == 1) {
		return []Input{{Name: "late"}}, nil
	}
	return []Input{{Name: "late", Digest: "known"}}, nil
}

func (h *latecomer) Diff(context.Context, World, *Record) (*Finding, error) {
	if *h.done {
		return &Finding{}, nil
	}
	return &Finding{Change: &Change{Summary: "x", Items: []Item{{Op: Create, What: "x", Name: "x"}}, Apply: func(context.Context, Progress) (Outputs, error) {
		if !h.prepared {
			return nil, errors.New("BeforeApply was not called")
		}
		*h.done = true
		return nil, nil
	}}}, nil
}

func (h *latecomer) Verify(context.Context, World) (Outputs, error) { return nil, nil }

func latecomerRunner(t *testing.T, forgetful bool) *Runner {
	t.Helper()
	done := false
	types := Types{{Name: "latecomer", New: func() Step { return &latecomer{done: &done, forgetful: forgetful} }}}
	p, errs := plan.Parse(filepath.Join(t.TempDir(), "bayplan.yaml"), []byte(planOf("a: latecomer")), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	g, errs := Check(p, types)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return stored(t, g)
}

func TestInputsWithoutDigestAreRecordedAfterApply(t *testing.T) {
	r := latecomerRunner(t, false)
	wantStatuses(t, run(t, r.Diff), "a create")
	wantStatuses(t, run(t, r.Apply), "a changed")
	rec := r.Store.Record("a")
	if got := rec.Input("late"); got != "known" {
		t.Errorf("recorded input = %q", got)
	}
	wantStatuses(t, run(t, r.Apply), "a unchanged")
	if again := r.Store.Record("a"); again.Key != rec.Key {
		t.Errorf("key = %s when Apply found the digest out, and %s without", rec.Key, again.Key)
	}
}

func TestInputThatStaysUnknownIsAMistake(t *testing.T) {
	report := run(t, latecomerRunner(t, true).Apply)
	wantStatuses(t, report, "a failed")
	if err := report.Steps[0].Err; err == nil || !strings.Contains(err.Error(), "no digest") {
		t.Errorf("error = %v", err)
	}
}
