package plan

import (
	"context"
	"errors"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// A fieldError is an error about one field.
type fieldError struct {
	path string
	err  error
}

func (e *fieldError) Error() string { return e.path + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// At wraps err as an error about the field at path, which is written with the
// keys of the plan: At("paths[1]", err). It returns nil for a nil err.
func At(path string, err error) error {
	if err == nil {
		return nil
	}
	return &fieldError{path, err}
}

// Explain turns the error of a Validate (errors wrapped by At, joined or alone)
// into errors with places in the file. An error about a place of another file, which has
// a method Location, gets that place. The path of a nested At continues the path
// of the outer one. If the plan does not have the field, the message names the
// field and the place is that of the nearest field around it. A nil err makes no
// errors.
func (b Body) Explain(err error) Errors {
	var out Errors
	b.explain("", err, &out)
	return out
}

// ExplainItems is Explain for a Body that could not be decoded completely. It returns only
// errors about items of lists that the plan has: those do not follow from what could not be
// decoded.
func (b Body) ExplainItems(err error) Errors {
	var items []error
	for _, one := range fault.Joined(err) {
		var field *fieldError
		if !errors.As(one, &field) || !strings.HasSuffix(field.path, "]") {
			continue
		}
		if _, found := b.posOf(field.path); found {
			items = append(items, one)
		}
	}
	return b.Explain(errors.Join(items...))
}

func (b Body) explain(path string, err error, into *Errors) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		b.explainAll(path, many.Unwrap(), into)
		return
	}
	if many, ok := err.(interface{ WrappedErrors() []error }); ok { // of fault.Join
		b.explainAll(path, many.WrappedErrors(), into)
		return
	}
	if fieldErr, ok := err.(*fieldError); ok {
		b.explain(joinPath(path, fieldErr.path), fieldErr.err, into)
		return
	}
	hint := fault.Hint(err)
	var at interface{ Location() fault.Location }
	if errors.As(err, &at) && at.Location().Line > 0 {
		*into = append(*into, errorIn(at.Location(), hint))
		return
	}
	var fieldErr *fieldError
	if errors.As(err, &fieldErr) { // more words wrap it; the message keeps them
		path = joinPath(path, fieldErr.path)
	}
	pos, found := b.posOf(path)
	msg := err.Error()
	if !found && path != "" && fieldErr == nil {
		msg = path + ": " + msg
	}
	e := b.src.errorf(pos, "%s", msg)
	e.Hint = hint
	*into = append(*into, e)
}

// errorIn makes an error at a place of a file that the plan names. It shows the line if
// the place has a column, with the values of secret keys masked.
func errorIn(at fault.Location, hint string) *Error {
	e := &Error{File: at.File, Pos: Pos{at.Line, max(at.Col, 1)}, Msg: oneLine(at.Msg), Hint: hint}
	if at.Col == 0 {
		return e
	}
	raw, err := textfile.Read(context.Background(), at.File, yamlguard.MaxBytes)
	if err == nil {
		newSource(at.File, "", strings.ToValidUTF8(string(raw), "\ufffd")).fillSource(e)
	}
	return e
}

func (b Body) explainAll(path string, errs []error, into *Errors) {
	for _, err := range errs {
		b.explain(path, err, into)
	}
}

// joinPath appends a path to the path around it.
func joinPath(path, more string) string {
	if path == "" || more == "" || more[0] == '[' {
		return path + more
	}
	return path + "." + more
}
