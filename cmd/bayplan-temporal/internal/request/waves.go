package request

import (
	"fmt"
	"path"
	"slices"

	"github.com/bayplan/bayplan/internal/fault"
)

// A WaveError says that the waves make no sense for the plan.
type WaveError struct{ Err error }

// Error says what is wrong.
func (e *WaveError) Error() string { return e.Err.Error() }

// Unwrap returns the error with its hint.
func (e *WaveError) Unwrap() error { return e.Err }

// setWaves gives each step the wave of its site: the first pattern that matches it. The centre is
// in no wave unless a pattern names it in full.
func (r *Run) setWaves(patterns []string, centre string) error {
	if len(patterns) == 0 {
		return nil
	}
	used := make([]bool, len(patterns))
	for i := range r.Steps {
		s := &r.Steps[i]
		for n, pattern := range patterns {
			ok, err := path.Match(pattern, s.Site)
			if err != nil {
				return &WaveError{fmt.Errorf("--wave %q: %w", pattern, err)}
			}
			if used[n] = used[n] || ok; ok && (s.Site != centre || pattern == centre) {
				s.Wave = n + 1
				break
			}
		}
		if s.Wave == 0 && s.Site != centre {
			return &WaveError{fault.WithHint(fmt.Errorf("the site %q of step %s is in no wave", s.Site, s.ID), "add --wave '*' as the last one")}
		}
	}
	for n, pattern := range patterns {
		if !used[n] {
			return &WaveError{fmt.Errorf("--wave %q matches no site of the plan", pattern)}
		}
	}
	return r.checkWaves()
}

// checkWaves refuses a step that waits for one of a later wave: neither would ever begin.
func (r *Run) checkWaves() error {
	byID := map[string]*Step{}
	for i := range r.Steps {
		byID[r.Steps[i].ID] = &r.Steps[i]
	}
	latest := map[string]*Step{} // by step: of what it waits for, the one of the latest wave
	var find func(s *Step) *Step
	find = func(s *Step) *Step {
		if last, ok := latest[s.ID]; ok {
			return last
		}
		last := s
		for _, need := range s.Needs {
			if before := find(byID[need]); before.Wave > last.Wave {
				last = before
			}
		}
		latest[s.ID] = last
		return last
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		if last := find(s); s.Wave > 0 && last.Wave > s.Wave {
			return &WaveError{fmt.Errorf("step %s at site %q is in wave %d and waits for step %s at site %q in wave %d", s.ID, s.Site, s.Wave, last.ID, last.Site, last.Wave)}
		}
	}
	return nil
}

// Sites returns the sites of all steps, sorted.
func (r *Run) Sites() []string {
	var sites []string
	for _, s := range r.Steps {
		sites = append(sites, s.Site)
	}
	slices.Sort(sites)
	return slices.Compact(sites)
}
