// Package fault adds two things to errors: a hint for the person who reads
// them, and for the runner whether trying again can help. It does not know
// where errors come from.
//
// Both are found by interface, so a package can also implement them on an
// error type of its own.
package fault

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// hinted is an error with advice that is shown on a line of its own.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint returns the advice.
func (h hinted) Hint() string { return h.hint }

// WithHint adds a hint to err: what the reader can do about it. The text of
// the error does not change. A nil err stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// maxHints is how many hints of several errors are given.
const maxHints = 5

// Hint returns the outermost hint in err, or "". Of several errors it returns the first few
// different hints, one a line.
func Hint(err error) string {
	all := hints(err)
	return strings.Join(all[:min(len(all), maxHints)], "\n")
}

func hints(err error) []string {
	if h, ok := err.(interface{ Hint() string }); ok { //nolint:errorlint // the recursion unwraps
		if text := h.Hint(); text != "" {
			return []string{strings.Join(strings.Fields(text), " ")} // a line end in a name makes no hint of its own
		}
	}
	var all []string
	for _, cause := range causes(err) {
		for _, hint := range hints(cause) {
			if len(all) <= maxHints && !slices.Contains(all, hint) {
				all = append(all, hint)
			}
		}
	}
	return all
}

// causes gives the errors that err wraps.
func causes(err error) []error {
	switch e := err.(type) { //nolint:errorlint // the callers unwrap
	case interface{ WrappedErrors() []error }: // of Join
		return e.WrappedErrors()
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	case interface{ Unwrap() error }:
		return []error{e.Unwrap()}
	}
	return nil
}

// connection is an error of the network between us and a peer, not an answer
// of the peer.
type connection struct{ error }

func (c connection) Unwrap() error { return c.error }

// Connection returns true: the error is of the connection class.
func (c connection) Connection() bool { return true }

// AsConnection marks err as being of the connection class: refused, reset,
// timed out, or answered with "try later". The retry of a step repeats only
// these. A nil err stays nil.
func AsConnection(err error) error {
	if err == nil {
		return nil
	}
	return connection{err}
}

// IsConnection reports whether err is of the connection class.
func IsConnection(err error) bool {
	var c interface{ Connection() bool }
	return errors.As(err, &c) && c.Connection()
}

// IsCancelled reports whether err comes from a context that ended. A peer that
// did not answer in time looks the same to package errors, but that error is of
// the connection class.
func IsCancelled(err error) bool {
	return (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) && !IsConnection(err)
}
