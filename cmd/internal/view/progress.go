package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A Step is a step of the plan as far as a view has to know it before it begins.
type Step struct {
	ID    string
	Needs []string // the ids of the steps that it waits for
}

// A progress is how far a run has come, with what only a view needs of it.
type progress struct {
	history.Progress
	steps  []Step
	meters map[string]*meter // of the running steps
}

// A runningStep is a step that has begun and not ended.
type runningStep struct {
	*history.StepProgress
	meter *meter
}

// observe takes an event. It returns the step that the event is about if it has begun.
func (p *progress) observe(e runner.Event) *history.StepProgress {
	s := p.Add(e)
	switch e.Kind {
	case runner.StepBegin, runner.StepChange, runner.Retrying:
		if p.meters == nil {
			p.meters = map[string]*meter{}
		}
		p.meters[e.Step] = &meter{}
		p.meters[e.Step].add(e.Time, 0)
	case runner.Ticked:
		if m := p.meters[e.Step]; m != nil {
			m.add(e.Time, runningStep{StepProgress: s}.moved())
		}
	case runner.StepEnd:
		delete(p.meters, e.Step)
	}
	return s
}

// running returns the steps that run, in the order in which they began.
func (p *progress) running() []runningStep {
	var running []runningStep
	for _, s := range p.Running() {
		running = append(running, runningStep{s, p.meters[s.ID]})
	}
	return running
}

// moved returns the bytes that the present attempt has moved.
func (s runningStep) moved() int64 { return s.Bytes - s.Attempt.Before }

// waits reports whether an attempt has failed, and the next one has not begun.
func (s runningStep) waits(now time.Time) bool { return now.Before(s.Attempt.NextAt) }

// left returns the bytes that are still to be moved, and the time that this takes at
// the present rate. Both are negative if they are not known.
func (s runningStep) left(now time.Time) (int64, time.Duration) {
	if s.Attempt.Total <= 0 {
		return -1, -1
	}
	bytes := max(0, s.Attempt.Total-s.moved())
	rate, known := s.meter.rate(now)
	if !known || rate < 1 {
		return bytes, -1
	}
	return bytes, time.Duration(min(float64(bytes)/rate, 1e9) * float64(time.Second))
}

// doing says what a step does while it moves no bytes.
func (p *progress) doing(s runningStep, now time.Time) string {
	switch a := s.Attempt; {
	case s.waits(now):
		return fmt.Sprintf("attempt %d failed, next in %s", s.Retries[len(s.Retries)-1].Attempt, clock(a.NextAt.Sub(now)+time.Second-1))
	case a.Changing && a.Total > 0 && s.moved() >= a.Total:
		return "finishing"
	case a.Changing && a.ToDo > 1 && a.Done > 0:
		return fmt.Sprintf("%d of %d items", min(a.Done, a.ToDo), a.ToDo)
	case a.Changing:
		return "working"
	case p.Mode == runner.ModeVerify:
		return "checking"
	case p.Mode == runner.ModeLookUp:
		return "looking up tags"
	}
	return "checking what is there"
}

// clock writes a duration with at most two units: 12s, 3m20s, 1h05m, 2d03h.
func clock(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	case s < 100*24*3600:
		return fmt.Sprintf("%dd%02dh", s/24/3600, s/3600%24)
	}
	return "months"
}

// inBrief says in a few words how far a step has come, for a line that names several.
func (p *progress) inBrief(s runningStep, now time.Time) string {
	var parts []string
	bytes, took := s.left(now)
	switch {
	case s.waits(now), s.moved() == 0:
		parts = append(parts, p.doing(s, now))
	case bytes < 0:
		parts = append(parts, human.Size(s.moved())+" moved")
	case bytes == 0:
		parts = append(parts, p.doing(s, now))
	default:
		parts = append(parts, fmt.Sprintf("%s of %s moved", human.Size(s.moved()), human.Size(s.Attempt.Total)))
	}
	if rate, known := s.meter.rate(now); known && s.moved() > 0 && bytes != 0 {
		parts = append(parts, human.Size(int64(rate))+"/s")
	}
	if took > 0 && s.moved() > 0 {
		parts = append(parts, clock(took)+" left")
	} else {
		parts = append(parts, "for "+clock(now.Sub(s.Began)))
	}
	return s.ID + " (" + strings.Join(parts, ", ") + ")"
}
