package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/redact"
)

type list struct{}

func (list) Error() string { return "first:\n  second" }
func (list) IsList()       {}

// A line end in a name makes no line, and joined errors keep theirs, however they are wrapped.
func TestText(t *testing.T) {
	r := redact.New()
	r.Add("hunter2hunter2")
	gone := &fs.PathError{Op: "stat", Path: "/a\n::error::x", Err: errors.New("no such file")}
	for want, err := range map[string]error{
		"one":                              errors.New("one"),
		"stat /a·::error::x: no such file": gone,
		"list a·b: stat /a·::error::x: no such file":            fmt.Errorf("list a\nb: %w", gone),
		"copy: one\nstat /a·::error::x: no such file, and more": fmt.Errorf("copy: %w, and more", errors.Join(errors.New("one"), gone)),
		"one\ntwo·three":         fault.Join(errors.New("one"), errors.New("two\nthree")),
		"step: first:\n  second": fault.WithHint(fmt.Errorf("step: %w", list{}), "do"),
		"one\na [redacted]·b":    r.Error(errors.Join(errors.New("one"), errors.New("a hunter2hunter2\nb"))),
	} {
		if got := fault.Text(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
