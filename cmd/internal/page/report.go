package page

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/drawing"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A report is what is known of a run and its steps.
type report struct {
	Run   *history.Run
	Steps []*step // in the order of the plan

	byID   map[string]*step
	last   time.Time // of the last event
	groups []*group  // the boxes of the graph
	noBox  int       // how many steps are in none
}

// A step is what is known of a step of the run.
type step struct {
	*history.StepProgress
	Status string // a runner.Status, or one of those below
	Shown  bool   // it has a row in the table of steps
}

// Statuses of a step that has not ended, besides those of package runner.
const (
	killed    = "killed"
	notBegun  = "not begun"
	notChosen = "not chosen"
)

// collect reads the events of a run.
func collect(run *history.Run) (*report, error) {
	p, err := run.Progress()
	if err != nil {
		return nil, err
	}
	r := &report{Run: run, byID: map[string]*step{}, last: p.Last}
	for _, s := range p.Steps {
		as := &step{StepProgress: s, Status: statusOf(run, s)}
		r.Steps, r.byID[s.ID] = append(r.Steps, as), as
	}
	for _, s := range worst(r.Steps, maxStepRows) {
		s.Shown = true
	}
	r.groups, r.noBox = r.boxes()
	for _, g := range r.groups {
		r.worstOf(g.ids()).Shown = true // the box leads to it
	}
	return r, nil
}

// worst returns at most n steps, those first whose status is worse.
func worst(steps []*step, n int) []*step {
	sorted := slices.Clone(steps)
	slices.SortStableFunc(sorted, func(a, b *step) int { return rank(a.Status) - rank(b.Status) })
	return sorted[:min(n, len(sorted))]
}

// shown returns the steps that have a row in the table of steps.
func (r *report) shown() []*step {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s *step) bool { return !s.Shown })
}

// statusOf returns the status of a step of a run in a word.
func statusOf(run *history.Run, s *history.StepProgress) string {
	switch {
	case s.Killed:
		return killed
	case s.Status != "":
		return string(s.Status)
	case chosen(run, s.ID):
		return notBegun
	}
	return notChosen
}

// chosen reports whether a run was to run a step.
func chosen(run *history.Run, id string) bool {
	return (len(run.Only) == 0 || slices.Contains(run.Only, id)) && !slices.Contains(run.Skip, id)
}

// failed returns the steps that failed or were stopped, the failed ones first.
func (r *report) failed() []*step {
	var all []*step
	for _, s := range worst(r.Steps, len(r.Steps)) {
		switch s.Status {
		case string(runner.Failed), killed, string(runner.Interrupted):
			all = append(all, s)
		}
	}
	return all
}

// skipped returns the steps that did not run because of others.
func (r *report) skipped() []*step {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s *step) bool { return s.Status != string(runner.Skipped) })
}

// leftOut counts the steps without a row in the table of steps by their statuses.
func (r *report) leftOut() string {
	counts := map[string]int{}
	for _, s := range r.Steps {
		if !s.Shown {
			counts[s.Status]++
		}
	}
	return countsText(counts)
}

// countsText writes how many steps have each status: "999 changed, 1 failed".
func countsText(counts map[string]int) string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[status], status))
	}
	return strings.Join(parts, ", ")
}

// Seconds gives how long the run took, or has lasted.
func (r *report) Seconds() float64 {
	if r.Run.Took > 0 {
		return r.Run.Took
	}
	return r.last.Sub(r.Run.Began).Seconds()
}

// Class gives the CSS class of a status.
func (s *step) Class() string { return className(s.Status) }

func className(status string) string { return "s-" + strings.ReplaceAll(status, " ", "-") }

// Anchor gives the id of the step in the page.
func (s *step) Anchor() string { return "step-" + s.ID }

// DoneItems counts the items that are finished.
func (s *step) DoneItems() int {
	n := 0
	for _, it := range s.Items {
		if it.Done {
			n++
		}
	}
	return n
}

// What says what was to be done, or why the step did nothing.
func (s *step) What() string { return cmp.Or(s.Why, s.Summary) }

// look gives the box of steps its colour, its link and its text. Several steps have the
// colour of the worst of them, to whose row the box leads.
func (r *report) look(n *drawing.Node, ids []string) {
	counts := map[string]int{}
	var bytes int64
	for _, id := range ids {
		s := r.byID[id]
		counts[s.Status]++
		bytes += s.Bytes
	}
	worst := r.worstOf(ids)
	text := worst.Status
	switch {
	case len(ids) > 1:
		text = countsText(counts)
	case !worst.Began.IsZero() && !worst.Ended.IsZero():
		text += ", " + took(worst.Took)
	}
	n.Class, n.Link = worst.Class(), "#"+worst.Anchor()
	n.Lines = append(n.Lines, text)
	n.Note = n.ID + ": " + text
	if bytes > 0 {
		n.Note += ", " + human.Size(bytes) + " moved"
	}
}

// worstOf returns the first of several steps whose status is the worst.
func (r *report) worstOf(ids []string) *step {
	worst := r.byID[ids[0]]
	for _, id := range ids {
		if s := r.byID[id]; rank(s.Status) < rank(worst.Status) {
			worst = s
		}
	}
	return worst
}

// rank orders statuses, the worst first.
func rank(status string) int {
	order := [...]string{
		string(runner.Failed), killed, string(runner.Interrupted), string(runner.Skipped), string(runner.Running), notBegun,
		string(runner.Changed), string(runner.Adopted),
	}
	if i := slices.Index(order[:], status); i >= 0 {
		return i
	}
	return len(order)
}
