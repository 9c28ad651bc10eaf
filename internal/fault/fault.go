// Package fault adds to errors what a person and the runner ask of them: a
// hint for the one, and for the other whether trying again can help. It knows
// nothing of where errors come from.
//
// Both are found by interface, so a package can also implement them on an
// error type of its own.
package fault

import (
	"context"
	"errors"
)

// A hinted error carries advice that is shown on a line of its own.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint gives the advice.
func (h hinted) Hint() string { return h.hint }

// WithHint adds a hint to err: what the reader may do about it. The text of
// the error stays as it is. A nil err stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// Hint gives the outermost hint in err, or "".
func Hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// A connection error came from the way to a peer, not from what it answered.
type connection struct{ error }

func (c connection) Unwrap() error { return c.error }

// Connection reports that the error is of the connection class.
func (c connection) Connection() bool { return true }

// AsConnection marks err as being of the connection class: refused, reset,
// timed out, or answered with "try later". Only such errors are tried again
// by a step's retry. A nil err stays nil.
func AsConnection(err error) error {
	if err == nil {
		return nil
	}
	return connection{err}
}

// IsConnection says whether err is of the connection class.
func IsConnection(err error) bool {
	var c interface{ Connection() bool }
	return errors.As(err, &c) && c.Connection()
}

// IsCancelled says whether err came of a context that ended. That a peer did
// not answer in time looks the same to package errors, and is of the
// connection class.
func IsCancelled(err error) bool {
	return (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) && !IsConnection(err)
}
