package fault

import "errors"

// A Problem is one thing that is not as it should be, told in a way that
// programs can read. Its JSON is stable: names are added, never changed.
type Problem struct {
	Kind     string `json:"kind"` // missing, drifted (there, but another), incomplete, extra
	What     string `json:"what"` // the kind of thing: image, repository
	Name     string `json:"name"`
	Source   string `json:"source,omitempty"`   // what it should be like
	Want     string `json:"want,omitempty"`     // digest that it should have
	Have     string `json:"have,omitempty"`     // digest that it has
	Lacks    string `json:"lacks,omitempty"`    // of something incomplete: what is not there
	Untagged bool   `json:"untagged,omitempty"` // what is wanted is there, but not under its name
}

// Problems gives the problems that err consists of, in their order: each error
// in it that has a method Problem.
func Problems(err error) []Problem {
	switch e := err.(type) { //nolint:errorlint // it goes through what is wrapped by itself
	case nil:
		return nil
	case interface{ Problem() Problem }:
		return []Problem{e.Problem()}
	case interface{ WrappedErrors() []error }: // go-multierror's
		return problemsOf(e.WrappedErrors())
	case interface{ Unwrap() []error }:
		return problemsOf(e.Unwrap())
	}
	return Problems(errors.Unwrap(err))
}

func problemsOf(errs []error) []Problem {
	var all []Problem
	for _, err := range errs {
		all = append(all, Problems(err)...)
	}
	return all
}
