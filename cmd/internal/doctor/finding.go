package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// Words returns all statuses.
func (Status) Words() []string { return []string{string(OK), string(Warn), string(Fail)} }

func ok(check, format string, args ...any) Finding {
	return Finding{Check: check, Status: OK, Message: fmt.Sprintf(format, args...)}
}

func warn(check, hint, format string, args ...any) Finding {
	return Finding{Check: check, Status: Warn, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func fail(check, hint, format string, args ...any) Finding {
	return Finding{Check: check, Status: Fail, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// failed makes a finding of an error. otherwise is the hint where the error has none.
func failed(ctx context.Context, check string, err error, otherwise string) Finding {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fail(check, "raise --timeout if it is only slow", "no answer in time: %s", oneLine(err))
	}
	hint := fault.Hint(err)
	if hint == "" {
		hint = otherwise
	}
	return fail(check, strings.ReplaceAll(hint, "\n", "; "), "%s", oneLine(err))
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
