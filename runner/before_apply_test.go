package runner

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// A latecomer knows its input's digest only after its Apply.
type latecomer struct {
	prepared, forgetful bool
	done                *bool
	asked               []bool // whether BeforeApply had been called, at each Inputs
}

func (l *latecomer) BeforeApply() { l.prepared = true }

func (l *latecomer) Inputs(context.Context, World) ([]Input, error) {
	l.asked = append(l.asked, l.prepared)
	if l.prepared && (!*l.done || l.forgetful || len(l.asked) == 1) {
		return []Input{{Name: "late"}}, nil
	}
	return []Input{{Name: "late", Digest: "known"}}, nil
}

func (l *latecomer) Diff(context.Context, World, *Record) (*Finding, error) {
	if *l.done {
		return &Finding{}, nil
	}
	return &Finding{Change: &Change{Summary: "x", Items: []Item{{Op: Create, What: "x", Name: "x"}}, Apply: func(context.Context, Progress) (Outputs, error) {
		if !l.prepared {
			return nil, errors.New("BeforeApply was not called")
		}
		*l.done = true
		return nil, nil
	}}}, nil
}

func (l *latecomer) Verify(context.Context, World) (Outputs, error) { return nil, nil }

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
