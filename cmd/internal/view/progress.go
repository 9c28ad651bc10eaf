package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A Step is a step of the plan as far as a view has to know it before it begins.
type Step struct {
	ID    string
	Needs []string // the ids of the steps that it waits for
}

// A progress is how far a run has come.
type progress struct {
	mode    runner.Mode
	steps   []Step
	running []*stepProgress // in the order in which they began
	ended   map[string]bool
	failed  int
}

// A stepProgress is how far a running step has come.
type stepProgress struct {
	id       string
	began    time.Time
	changing bool // it applies its change
	did      did
	items    int   // to be changed
	finished int   // of them
	total    int64 // bytes to be moved; 0: not known
	bytes    int64 // moved by the running attempt
	before   int64 // moved by attempts that failed
	meter    meter
	retryAt  time.Time // when the next attempt begins; zero: one is running
	attempt  int       // the number of the last attempt that failed
}

// observe takes an event. It returns the step that the event is about as it was when it
// ran, or nil.
func (p *progress) observe(e runner.Event) *stepProgress {
	switch e.Kind {
	case runner.RunBegin:
		p.mode, p.ended = e.Mode, map[string]bool{}
	case runner.StepBegin:
		p.running = append(p.running, &stepProgress{id: e.Step, began: time.Now()})
	case runner.StepEnd:
		return p.end(e)
	}
	s := p.step(e.Step)
	if s == nil {
		return nil
	}
	switch e.Kind {
	case runner.StepChange:
		s.restart()
		s.changing, s.items, s.total = true, e.Items, e.Total
	case runner.ItemDone:
		s.finished++
		s.did.add(*e.Item)
	case runner.Ticked:
		s.retryAt = time.Time{}
		s.bytes = e.Bytes - s.before
		s.meter.add(time.Now(), s.bytes)
	case runner.Retrying:
		s.restart()
		s.attempt, s.retryAt = e.Attempt, time.Now().Add(time.Duration(e.Wait*float64(time.Second)))
	}
	return s
}

// restart forgets how far the step has come, since another attempt or the change begins.
func (s *stepProgress) restart() {
	s.changing, s.finished, s.total, s.retryAt = false, 0, 0, time.Time{}
	s.before += s.bytes
	s.bytes, s.meter = 0, meter{}
	s.meter.add(time.Now(), 0)
}

func (p *progress) end(e runner.Event) *stepProgress {
	s := p.step(e.Step)
	p.running = slices.DeleteFunc(p.running, func(r *stepProgress) bool { return r == s })
	p.ended[e.Step] = true
	if e.Status == runner.Failed {
		p.failed++
	}
	return s
}

func (p *progress) step(id string) *stepProgress {
	for _, s := range p.running {
		if s.id == id {
			return s
		}
	}
	return nil
}

// left returns the bytes that are still to be moved, and the time that this takes at
// the present rate. Both are negative if they are not known.
func (s *stepProgress) left(now time.Time) (int64, time.Duration) {
	if s.total <= 0 {
		return -1, -1
	}
	bytes := max(0, s.total-s.bytes)
	rate, known := s.meter.rate(now)
	if !known || rate < 1 {
		return bytes, -1
	}
	return bytes, time.Duration(min(float64(bytes)/rate, 1e9) * float64(time.Second))
}

// doing says what a step does while it moves no bytes.
func (p *progress) doing(s *stepProgress, now time.Time) string {
	switch {
	case !s.retryAt.IsZero() && now.Before(s.retryAt):
		return fmt.Sprintf("attempt %d failed, next in %s", s.attempt, clock(s.retryAt.Sub(now)+time.Second-1))
	case s.changing && s.total > 0 && s.bytes >= s.total:
		return "finishing"
	case s.changing && s.items > 1 && s.finished > 0:
		return fmt.Sprintf("%d of %d items", min(s.finished, s.items), s.items)
	case s.changing:
		return "working"
	case p.mode == runner.ModeVerify:
		return "checking"
	case p.mode == runner.ModeLookUp:
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
func (p *progress) inBrief(s *stepProgress, now time.Time) string {
	var parts []string
	bytes, took := s.left(now)
	switch {
	case !s.retryAt.IsZero() && now.Before(s.retryAt), s.bytes == 0:
		parts = append(parts, p.doing(s, now))
	case bytes < 0:
		parts = append(parts, human.Size(s.bytes)+" moved")
	case bytes == 0:
		parts = append(parts, p.doing(s, now))
	default:
		parts = append(parts, fmt.Sprintf("%s of %s moved", human.Size(s.bytes), human.Size(s.total)))
	}
	if rate, known := s.meter.rate(now); known && s.bytes > 0 && bytes != 0 {
		parts = append(parts, human.Size(int64(rate))+"/s")
	}
	if took > 0 && s.bytes > 0 {
		parts = append(parts, clock(took)+" left")
	} else {
		parts = append(parts, "for "+clock(now.Sub(s.began)))
	}
	return s.id + " (" + strings.Join(parts, ", ") + ")"
}
