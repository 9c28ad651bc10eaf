package document

import (
	"time"

	"github.com/bayplan/bayplan/cmd/internal/doctor"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A History is what `bayplan history --json` prints.
type History struct {
	Plan string `json:"plan"` // its name
	Runs []Run  `json:"runs"` // the last one first
}

// Name returns HistoryName.
func (History) Name() Name { return HistoryName }

// A Run is one run of a history.
type Run struct {
	ID      string      `json:"id"`                    // what `bayplan report` takes
	Mode    runner.Mode `json:"mode"`                  // which command it was
	Began   time.Time   `json:"began"`                 // when it began
	User    string      `json:"user,omitempty"`        // who ran it
	Host    string      `json:"host,omitempty"`        // where it ran
	Command string      `json:"command,omitempty"`     // the command line, without secrets
	Version string      `json:"version,omitempty"`     // of bayplan
	Plan    string      `json:"plan_digest,omitempty"` // of the plan file
	Lock    string      `json:"lock_digest,omitempty"` // of the lock file when the run began
	history.Result
}

// RunOf returns a run of the state.
func RunOf(r *history.Run) Run {
	run := Run{
		ID: r.ID, Mode: r.Mode, Began: r.Began, User: r.User, Host: r.Host, Command: r.Command, Version: r.Version,
		Lock: r.Lock, Result: r.Result,
	}
	if len(r.Texts) > 0 {
		run.Plan = r.Texts[0].Digest
	}
	return run
}

// A Doctor is what `bayplan doctor --json` prints.
type Doctor struct {
	doctor.Report
}

// Name returns DoctorName.
func (Doctor) Name() Name { return DoctorName }
