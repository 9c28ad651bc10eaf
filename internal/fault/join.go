package fault

import (
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Join makes one error of several, whose text has one a line. It leaves nil errors out;
// of none it makes nil, and one stays what it is.
func Join(errs ...error) error {
	all := &multierror.Error{ErrorFormat: lines}
	for _, err := range errs {
		if err != nil {
			all = multierror.Append(all, err)
		}
	}
	if len(all.Errors) == 1 {
		return all.Errors[0]
	}
	return all.ErrorOrNil()
}

func lines(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "\n")
}

// Joined returns the errors that Join or errors.Join has joined, and those joined in them.
// Another error is alone; of nil there are none.
func Joined(err error) []error {
	var parts []error
	switch e := err.(type) { //nolint:errorlint // only the outermost
	case nil:
		return nil
	case interface{ WrappedErrors() []error }:
		parts = e.WrappedErrors()
	case interface{ Unwrap() []error }:
		parts = e.Unwrap()
	}
	if len(parts) == 0 || lines(parts) != err.Error() {
		return []error{err} // or it has a text of its own
	}
	var all []error
	for _, part := range parts {
		all = append(all, Joined(part)...)
	}
	return all
}

// Each applies f to each of the errors that are joined in err, and joins the results.
func Each(err error, f func(error) error) error {
	all := Joined(err)
	for i, one := range all {
		all[i] = f(one)
	}
	return Join(all...)
}
