package document

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A Failure is what a command prints in place of its document if it could not make it.
type Failure struct {
	Cause    Cause          `json:"cause"`              // why, in a word
	Error    string         `json:"error"`              // what went wrong, for people
	Hint     string         `json:"hint,omitempty"`     // what to do about it
	Mistakes []Mistake      `json:"mistakes,omitempty"` // of the plan, each with its place
	Holder   *runner.Holder `json:"holder,omitempty"`   // the process that holds the state
	Differs  []string       `json:"differs,omitempty"`  // what is not as in the saved diff, a line each
}

// A Cause says in a word why a command could not do its work.
type Cause string

// All causes.
const (
	CauseMistakes    Cause = "mistakes"     // of the plan; exit code 2
	CauseCommandLine Cause = "command-line" // it is wrong; exit code 2
	CauseLocked      Cause = "locked"       // another run holds the state; exit code 4
	CauseDiffers     Cause = "differs"      // something is not as in the saved diff; exit code 1
	CauseInterrupted Cause = "interrupted"  // by a signal; exit code 130 or 143
	CauseFailed      Cause = "failed"       // anything else; exit code 1
)

// Words returns all causes.
func (Cause) Words() []string {
	return []string{
		string(CauseMistakes), string(CauseCommandLine), string(CauseLocked),
		string(CauseDiffers), string(CauseInterrupted), string(CauseFailed),
	}
}

// A Mistake is a mistake in a plan or in a file that the plan names, or what may be one.
type Mistake struct {
	File    string `json:"file"`           // as it was named
	Line    int    `json:"line"`           // from 1; 0: the whole file
	Column  int    `json:"column"`         // from 1, in characters; 0: the whole line
	Message string `json:"message"`        // what is wrong
	Hint    string `json:"hint,omitempty"` // what to do about it
}

// MistakesOf returns the mistakes of a plan, never nil.
func MistakesOf(errs plan.Errors) []Mistake {
	list := []Mistake{}
	for _, e := range errs {
		list = append(list, Mistake{e.File, e.Pos.Line, e.Pos.Col, e.Msg, e.Hint})
	}
	return list
}

// A differing error lists what is not as it was reviewed.
type differing interface{ Differs() []string }

// FailureOf describes the error of a command. cause is that of an error that does not show
// it itself.
func FailureOf(err error, cause Cause) Failure {
	f := Failure{Cause: cause, Error: err.Error(), Hint: fault.Hint(err)}
	var (
		mistakes plan.Errors
		locked   *runner.LockedError
		differs  differing
	)
	switch {
	case errors.As(err, &mistakes):
		f.Cause, f.Mistakes = CauseMistakes, MistakesOf(mistakes)
	case errors.As(err, &locked):
		f.Cause = CauseLocked
		if locked.Holder.PID != 0 {
			f.Holder = &locked.Holder
		}
	case errors.As(err, &differs):
		f.Cause, f.Differs = CauseDiffers, differs.Differs()
	case errors.Is(err, context.Canceled):
		f.Cause = CauseInterrupted
	}
	return f
}

// MarshalFailure returns a failure of the command that would have printed a document, as
// that would have been printed, with a line break at its end.
func MarshalFailure(name Name, f Failure) ([]byte, error) {
	if name == EventsName {
		b, err := json.Marshal(FailureLine{runner.FormatVersion, time.Now(), failureKind, f})
		return append(b, '\n'), err
	}
	b, err := withHead(name, f)
	return indented(b), err
}

// A FailureLine is a Failure in a stream of events. It is the last line, and the only one if
// the run could not begin.
type FailureLine struct {
	FormatVersion int       `json:"format_version"`
	Time          time.Time `json:"time"`                           // when it happened
	Kind          string    `json:"kind" jsonschema:"enum=failure"` // failure
	Failure
}

const failureKind = "failure"
