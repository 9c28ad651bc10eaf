package runner

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// A step that a verify found not to be as wanted loses its record. A step that is as
// wanted keeps it, and so does one whose connection failed.
func TestForgetFailed(t *testing.T) {
	l := newLab()
	g := l.graph(t, "a: mute {says: a}\nb: mute {says: b}\nc: mute {says: c}")
	dir := filepath.Join(t.TempDir(), "p")
	priors := map[string]bool{}
	for _, id := range []string{"a", "b", "c"} {
		l.diff[id] = func(ctx context.Context, f *fake, w World, prior *Record) (*Finding, error) {
			l.mu.Lock()
			priors[f.id] = prior != nil
			l.mu.Unlock()
			return &Finding{Outputs: Outputs{}}, nil
		}
	}
	with := func(store *Store, mode func(*Runner, context.Context) (*Report, error)) *Report {
		t.Helper()
		report, err := mode(&Runner{Graph: g, Store: store}, t.Context())
		must(t, err)
		must(t, store.Close())
		return report
	}
	with(openStore(t, dir), (*Runner).Apply)

	l.check["a"] = func(context.Context, *fake) (Outputs, error) { return nil, errors.New("a hole") }
	l.check["b"] = func(context.Context, *fake) (Outputs, error) {
		return nil, fault.AsConnection(errors.New("no route to host"))
	}
	l.check["c"] = func(context.Context, *fake) (Outputs, error) { return Outputs{}, nil }
	report := with(readStore(t, dir), (*Runner).Verify)
	wantStatuses(t, report, "a failed, b failed, c verified")
	must(t, ForgetFailed(dir, planFile, report))

	s := readStore(t, dir)
	if s.Record("a") != nil || s.Record("b") == nil || s.Record("c") == nil {
		t.Errorf("records: %v, %v, %v", s.Record("a"), s.Record("b"), s.Record("c"))
	}
	if last, _ := s.Last("a"); last.Kind != "refuted" || last.Error != "a hole" {
		t.Errorf("last of a: %+v", last)
	}
	wantStatuses(t, with(openStore(t, dir), (*Runner).Apply), "a adopted, b unchanged, c unchanged")
	if priors["a"] || !priors["b"] || !priors["c"] {
		t.Errorf("priors %v, want those of b and c", priors)
	}
	if s := readStore(t, dir); s.Record("a") == nil {
		t.Error("a has no record although it was found to be as wanted")
	}
}

// If there is nothing to forget, no state is made or locked.
func TestForgetFailedWithNothingToForget(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	report := &Report{Steps: []*StepReport{
		{ID: "a", Status: Failed, Err: errors.New("never applied")}, {ID: "b", Status: Verified, Prior: &Record{}},
	}}
	must(t, ForgetFailed(dir, planFile, report))
	s := openStore(t, dir)
	must(t, ForgetFailed(dir, planFile, report))
	report.Steps[0].Prior = &Record{}
	var locked *LockedError
	if err := ForgetFailed(dir, planFile, report); !errors.As(err, &locked) {
		t.Errorf("got %v while another run holds the state", err)
	}
	must(t, s.Close())
}
