package commandline

import (
	"context"
	"errors"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// ErrChanges reports that a flag such as --exit-code found changes.
var ErrChanges = errors.New("there are changes")

// A UsageError is a mistake on the command line, or in what it names. Nothing was run.
type UsageError struct{ error }

// Unwrap returns the mistake.
func (e UsageError) Unwrap() error { return e.error }

// Usage makes a UsageError.
func Usage(err error) error { return UsageError{err} }

// A Reported is an error that a view has shown. Only its exit code is still needed.
type Reported struct{ error }

// Unwrap returns the error.
func (r Reported) Unwrap() error { return r.error }

// ShownByView makes a Reported.
func ShownByView(err error) error { return Reported{err} }

// IsReported reports whether a view has shown an error.
func IsReported(err error) bool { return errors.As(err, new(Reported)) }

// A stopped is an error of a run of which something holds if a signal has ended it.
type stopped struct {
	error
	holds string
}

// Unwrap returns the error.
func (s stopped) Unwrap() error { return s.error }

// Stopped makes an error of which the text holds, and is told, if a signal has ended the run.
func Stopped(err error, holds string) error { return stopped{err, holds} }

// A Coded is an error that has an exit code of its own.
type Coded interface {
	error
	Code() int
}

// CodeOf maps an error to an exit code.
func CodeOf(err error) int {
	var (
		mistakes plan.Errors
		wrong    UsageError
		selected *runner.SelectionError
		locked   *runner.LockedError
		coded    Coded
	)
	switch {
	case err == nil:
		return exitcode.Done
	case errors.Is(err, ErrChanges):
		return exitcode.Changes
	case errors.As(err, &mistakes), errors.As(err, &wrong), errors.As(err, &selected):
		return exitcode.Usage
	case errors.As(err, &locked):
		return exitcode.Locked
	case errors.As(err, &coded):
		return coded.Code()
	}
	return exitcode.Failed
}

// CodeIn returns the exit code of an error in a context that a signal may have cancelled.
func CodeIn(ctx context.Context, err error) int {
	var stop interruption
	if err != nil && errors.As(context.Cause(ctx), &stop) {
		return stop.code()
	}
	return CodeOf(err)
}
