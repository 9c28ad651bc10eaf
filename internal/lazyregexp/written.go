package lazyregexp

import (
	"errors"
	"regexp"
	"regexp/syntax"

	"github.com/bayplan/bayplan/internal/fault"
)

// Written compiles an expression that somebody has written. The error of one that begins as a
// pattern of a shell does has a hint.
func Written(text string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(text)
	var at *syntax.Error
	if errors.As(err, &at) && at.Code == syntax.ErrMissingRepeatArgument {
		err = fault.WithHint(err, "it is a regular expression, in which .* stands for any text")
	}
	return re, err
}
