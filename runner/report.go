package runner

import (
	"fmt"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// A Mode is what a run does with what it finds.
type Mode string

// All modes.
const (
	ModeDiff   Mode = "diff"   // find what would change
	ModeApply  Mode = "apply"  // change it
	ModeVerify Mode = "verify" // look at everything again
	ModeLookUp Mode = "lock"   // look up what the lock file records
)

// A Status is the result of a step in a word.
type Status string

// All statuses. A diff results in ToCreate to CheckAfter, an apply in Changed to Adopted,
// a verify in Verified, a lock in LookedUp, NotAsked and Waiting, and any of them in the
// others. Running is the status of a step that has no result yet.
const (
	ToCreate   Status = "create"      // everything it would touch is new
	ToChange   Status = "change"      // it would change something
	Waiting    Status = "waiting"     // not diffed: it needs what is not known yet
	CheckAfter Status = "check-after" // a check; something before it would change

	Changed   Status = "changed"
	Unchanged Status = "unchanged"
	Adopted   Status = "adopted" // found as wanted, and recorded

	Verified Status = "verified"

	LookedUp Status = "looked-up"
	NotAsked Status = "not-asked" // it has nothing to look up

	Failed      Status = "failed"
	Skipped     Status = "skipped"     // a step that it waits for failed, or the run was interrupted before it began
	Interrupted Status = "interrupted" // it was stopped

	Running Status = "running" // it has begun and not ended, in a run that is under way
)

// A Report is the result of a run.
type Report struct {
	Mode  Mode
	Steps []*StepReport // the chosen ones, in file order
	Took  time.Duration

	byID map[string]*StepReport // of a run
}

// A StepReport is the result of one step.
type StepReport struct {
	ID      string
	Type    string
	Status  Status
	Finding Finding // what Diff found
	Outputs Outputs // as verified, as found, or as planned
	Why     string  // why it is waiting or skipped, in a few words
	Err     error   // of a failed or interrupted step; does not name the step
	Blame   string  // the failed step for which it was skipped
	Bytes   int64   // moved
	Took    time.Duration
	Inputs  []Input            // what decided the result: "with.NAME" first; one with a secret in it by a digest with a salt
	Prior   *Record            // the record before this run
	Fills   map[string]Content // what is where when it is done, as far as it is known, by true paths and names of images

	told bool // in an apply: its notes are those that the last one told
}

// skip marks a step that does not run because another one failed.
func (s *StepReport) skip(failed string) {
	s.Status, s.Blame, s.Why = Skipped, failed, "needs "+failed+", which failed"
}

// Step returns the report of a step, or nil.
func (r *Report) Step(id string) *StepReport {
	if r.byID != nil {
		return r.byID[id]
	}
	for _, s := range r.Steps {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// Count returns how many steps have one of these statuses.
func (r *Report) Count(statuses ...Status) int {
	n := 0
	for _, s := range r.Steps {
		for _, status := range statuses {
			if s.Status == status {
				n++
			}
		}
	}
	return n
}

// Moved returns the entries of the lock file that would have another value now.
func (r *Report) Moved() []Moved {
	var all []Moved
	for _, s := range r.Steps {
		all = append(all, s.Finding.Moved...)
	}
	return all
}

// Changes returns how many items the run changed or would change, and how many bytes
// that moves.
func (r *Report) Changes() (items int, bytes int64) {
	for _, s := range r.Steps {
		if c := s.Finding.Change; c != nil {
			items += len(c.Items)
			bytes += c.bytes()
		}
	}
	return items, bytes
}

func (c *Change) bytes() int64 {
	var sum int64
	for _, it := range c.Items {
		sum += it.Bytes
	}
	return sum
}

// Err returns the errors of all failed steps, each with the name of its step, joined.
// It is nil if no step failed. Skipped and interrupted steps are not in it.
func (r *Report) Err() error {
	var errs []error
	for _, s := range r.Steps {
		if s.Status == Failed {
			errs = append(errs, fmt.Errorf("%s: %w", s.ID, s.Err))
		}
	}
	return fault.Join(errs...)
}

// Summary returns the run in one line: "0 changed, 8 unchanged, 0 failed in 0.4s",
// "6 to change, 2 unchanged: 61 items, 601.3 MiB to move".
func (r *Report) Summary() string {
	if r.Mode == ModeDiff {
		return r.diffSummary()
	}
	counts := []string{
		r.counted("changed", Changed),
		r.counted("unchanged", Unchanged, Adopted),
	}
	switch r.Mode {
	case ModeVerify:
		counts = []string{r.counted("verified", Verified)}
	case ModeLookUp:
		counts = append([]string{r.counted("looked up", LookedUp)}, r.nonzero("waiting", Waiting)...)
	}
	counts = append(counts, r.counted("failed", Failed))
	counts = append(counts, r.nonzero("skipped", Skipped)...)
	counts = append(counts, r.nonzero("interrupted", Interrupted)...)
	return fmt.Sprintf("%s in %.1fs", strings.Join(counts, ", "), r.Took.Seconds())
}

func (r *Report) diffSummary() string {
	counts := []string{
		r.counted("to change", ToCreate, ToChange),
		r.counted("unchanged", Unchanged),
	}
	counts = append(counts, r.nonzero("waiting", Waiting)...)
	counts = append(counts, r.nonzero("to check", CheckAfter)...)
	counts = append(counts, r.nonzero("failed", Failed)...)
	counts = append(counts, r.nonzero("skipped", Skipped)...)
	counts = append(counts, r.nonzero("interrupted", Interrupted)...)
	line := strings.Join(counts, ", ")
	items, bytes := r.Changes()
	if items == 0 {
		return line
	}
	return fmt.Sprintf("%s: %s, %s to move", line, human.Count(items, "item", "items"), human.Size(bytes))
}

func (r *Report) counted(word string, statuses ...Status) string {
	return fmt.Sprintf("%d %s", r.Count(statuses...), word)
}

func (r *Report) nonzero(word string, status Status) []string {
	if r.Count(status) == 0 {
		return nil
	}
	return []string{r.counted(word, status)}
}
