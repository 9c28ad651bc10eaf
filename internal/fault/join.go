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
