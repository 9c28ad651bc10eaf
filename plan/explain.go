package plan

import (
	"errors"

	"github.com/bayplan/bayplan/internal/fault"
)

// An atError is an error about one field.
type atError struct {
	path string
	err  error
}

func (e *atError) Error() string { return e.path + ": " + e.err.Error() }
func (e *atError) Unwrap() error { return e.err }

// At says that err is about the field at path, in the words of the plan:
// At("paths[1]", err). A nil err stays nil.
func At(path string, err error) error {
	if err == nil {
		return nil
	}
	return &atError{path, err}
}

// Explain turns what a Validate gave (errors wrapped by At, joined or alone)
// into errors with their places in the file. The path of an At inside another
// goes on from the outer one's. A field that the plan does not have is named in
// the message, which then stands at the nearest thing around it. A nil err
// gives none.
func (b Body) Explain(err error) Errors {
	var out Errors
	b.explain("", err, &out)
	return out
}

func (b Body) explain(path string, err error, into *Errors) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		b.explainAll(path, many.Unwrap(), into)
		return
	}
	if many, ok := err.(interface{ WrappedErrors() []error }); ok { // hashicorp's multierror
		b.explainAll(path, many.WrappedErrors(), into)
		return
	}
	if at, ok := err.(*atError); ok {
		b.explain(extend(path, at.path), at.err, into)
		return
	}
	hint := fault.Hint(err)
	var at *atError
	if errors.As(err, &at) { // wrapped in more words, which are kept
		path = extend(path, at.path)
	}
	pos, found := b.place(path)
	msg := err.Error()
	if !found && path != "" && at == nil {
		msg = path + ": " + msg
	}
	e := b.src.errorf(pos, "%s", msg)
	e.Hint = hint
	*into = append(*into, e)
}

func (b Body) explainAll(path string, errs []error, into *Errors) {
	for _, err := range errs {
		b.explain(path, err, into)
	}
}

// extend appends a path to the one around it.
func extend(path, more string) string {
	if path == "" || more == "" || more[0] == '[' {
		return path + more
	}
	return path + "." + more
}
