package page

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/drawing"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A report is what is known of a run and its steps.
type report struct {
	Run   *history.Run
	Steps []*step // in the order of the plan

	byID map[string]*step
	last time.Time // of the last event
}

// A step is what is known of a step of the run.
type step struct {
	ID, Type string
	Status   string // a runner.Status, "running", "killed" or "not begun"
	Began    time.Time
	Ended    time.Time
	Took     float64 // seconds
	Bytes    int64   // moved
	Summary  string  // of what was to be done, or why it did not run
	Error    string
	Hint     string
	Problems []fault.Problem
	Notes    []string
	Retries  []retry
	Items    []*item
	Total    int // items, if Items does not have them all

	outputs runner.Outputs
	needs   []runner.Edge
	byKey   map[[2]string]*item
}

// A retry is an attempt that failed.
type retry struct {
	Attempt int
	At      time.Time
	Error   string
}

// An item is one thing that a step was to change.
type item struct {
	runner.Item
	Done  bool
	Ended time.Time
}

// Status of a step that has not ended, besides those of package runner.
const (
	running  = "running"
	killed   = "killed"
	notBegun = "not begun"
)

// collect reads the events of a run.
func collect(run *history.Run) (*report, error) {
	r := &report{Run: run, byID: map[string]*step{}, last: run.Began}
	for _, s := range run.Steps {
		r.step(s.ID, s.Type).needs = s.Needs
	}
	for e, err := range run.Events() {
		if err != nil {
			return nil, err
		}
		r.add(e)
	}
	for _, s := range r.Steps {
		if s.Status == running && run.State != history.UnderWay {
			s.Status = killed
		}
		if s.Status == notBegun && !chosen(run, s.ID) {
			s.Status = "not chosen"
		}
	}
	return r, nil
}

// chosen says whether a run was to run a step.
func chosen(run *history.Run, id string) bool {
	return (len(run.Only) == 0 || slices.Contains(run.Only, id)) && !slices.Contains(run.Skip, id)
}

// step gives the step with an id. Runs of earlier versions do not say their steps.
func (r *report) step(id, typeName string) *step {
	s := r.byID[id]
	if s == nil {
		s = &step{ID: id, Status: notBegun, byKey: map[[2]string]*item{}}
		r.byID[id] = s
		r.Steps = append(r.Steps, s)
	}
	if typeName != "" {
		s.Type = typeName
	}
	return s
}

func (r *report) add(e runner.Event) {
	if e.Time.After(r.last) {
		r.last = e.Time
	}
	if e.Step == "" {
		return
	}
	s := r.step(e.Step, e.Type)
	switch e.Kind {
	case runner.StepBegin:
		s.Began, s.Status = e.Time, running
	case runner.StepChange:
		s.Summary, s.Total = e.Message, e.Items
		for _, it := range e.Change {
			s.item(it)
		}
	case runner.Ticked:
		s.Bytes = e.Bytes
	case runner.ItemDone:
		if e.Item != nil {
			it := s.item(*e.Item)
			it.Done, it.Ended = true, e.Time
		}
	case runner.Retrying:
		s.Retries = append(s.Retries, retry{e.Attempt, e.Time, e.Error})
	case runner.StepEnd:
		s.end(e)
	case runner.RunBegin, runner.RunEnd, runner.Debug:
	}
}

// item gives the item of the step with this name, as it is known last.
func (s *step) item(it runner.Item) *item {
	key := [2]string{string(it.What), it.Name}
	known := s.byKey[key]
	if known == nil {
		known = &item{}
		s.byKey[key] = known
		s.Items = append(s.Items, known)
	}
	known.Item = it
	return known
}

func (s *step) end(e runner.Event) {
	s.Status, s.Ended, s.Took, s.Bytes = string(e.Status), e.Time, e.Took, e.Bytes
	s.Error, s.Hint, s.Problems, s.Notes = e.Error, e.Hint, e.Problems, e.Notes
	s.Total, s.outputs = max(s.Total, e.Items), e.Outputs
	if e.Message != "" {
		s.Summary = e.Message
	}
}

// Failed gives the steps that failed or were stopped, the failed ones first.
func (r *report) Failed() []*step {
	var all []*step
	for _, status := range []string{string(runner.Failed), killed, string(runner.Interrupted)} {
		for _, s := range r.Steps {
			if s.Status == status {
				all = append(all, s)
			}
		}
	}
	return all
}

// maxErrorLines is how many lines of an error are shown.
const maxErrorLines = 200

// ErrorText gives the error of the step. The same cause may concern hundreds of images.
func (s *step) ErrorText() string {
	lines := strings.Split(strings.TrimSpace(s.Error), "\n")
	if more := len(lines) - maxErrorLines; more > 0 {
		lines = append(lines[:maxErrorLines], fmt.Sprintf("… and %d more lines", more))
	}
	return strings.Join(lines, "\n")
}

// Skipped gives the steps that did not run because of others.
func (r *report) Skipped() []*step {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s *step) bool { return s.Status != string(runner.Skipped) })
}

// Changes gives the steps that have items.
func (r *report) Changes() []*step {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s *step) bool { return len(s.Items) == 0 })
}

// Noted gives the steps that have notes.
func (r *report) Noted() []*step {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s *step) bool { return len(s.Notes) == 0 })
}

// NotesAreTable reports whether the notes are the lines of a table, such as that of the
// images in a cloud.
func (s *step) NotesAreTable() bool {
	return len(s.Notes) > 1 && strings.HasPrefix(s.Notes[0], "+-")
}

// State gives the state of the run in words.
func (r *report) State() string {
	switch r.Run.State {
	case history.UnderWay:
		return "under way"
	case history.Unknown:
		return "under way or killed"
	}
	return string(r.Run.State)
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

// graph gives the steps for the drawing.
func (r *report) graph() []history.Step {
	steps := make([]history.Step, len(r.Steps))
	for i, s := range r.Steps {
		steps[i] = history.Step{ID: s.ID, Type: s.Type, Needs: s.needs}
	}
	return steps
}

// look gives the box of steps its colour, its link and its text. Several steps have the
// colour of the worst of them, to which the box leads.
func (r *report) look(n *drawing.Node, ids []string) {
	counts := map[string]int{}
	worst := r.byID[ids[0]]
	var bytes int64
	for _, id := range ids {
		s := r.byID[id]
		counts[s.Status]++
		bytes += s.Bytes
		if rank(s.Status) < rank(worst.Status) {
			worst = s
		}
	}
	text := worst.Status
	switch {
	case len(ids) > 1:
		var parts []string
		for _, status := range slices.Sorted(maps.Keys(counts)) {
			parts = append(parts, fmt.Sprintf("%d %s", counts[status], status))
		}
		text = strings.Join(parts, ", ")
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

// rank orders statuses, the worst first.
func rank(status string) int {
	order := [...]string{
		string(runner.Failed), killed, string(runner.Interrupted), string(runner.Skipped), running, notBegun,
		string(runner.Changed), string(runner.Adopted),
	}
	if i := slices.Index(order[:], status); i >= 0 {
		return i
	}
	return len(order)
}
