package fault_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// An advised error has a method Hint, which may have nothing to say.
type advised struct {
	error
	hint string
}

func (a advised) Hint() string  { return a.hint }
func (a advised) Unwrap() error { return a.error }

func manyHints(n int) []error {
	var all []error
	for i := range n {
		all = append(all, fault.WithHint(errors.New("is wrong"), strconv.Itoa(i+1)))
	}
	return all
}

func TestHint(t *testing.T) {
	wrong := errors.New("is wrong")
	inner := fault.WithHint(wrong, "inner")
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"none":                          {nil, ""},
		"no hint":                       {wrong, ""},
		"wrapped":                       {fmt.Errorf("x: %w", inner), "inner"},
		"outermost":                     {fault.WithHint(inner, "outer"), "outer"},
		"around one with nothing":       {advised{inner, ""}, "inner"},
		"an empty one around":           {fault.WithHint(inner, ""), "inner"},
		"second of two, first is empty": {fmt.Errorf("%w; %w", advised{wrong, ""}, inner), "inner"},
		"each of two":                   {errors.Join(inner, fault.WithHint(wrong, "other")), "inner\nother"},
		"each once":                     {fmt.Errorf("x: %w", errors.Join(inner, wrong, fault.WithHint(wrong, "other"), inner)), "inner\nother"},
		"one around several":            {fault.WithHint(errors.Join(inner, fault.WithHint(wrong, "other")), "outer"), "outer"},
		"a line end in it":              {errors.Join(fault.WithHint(wrong, "write x\ny"), inner), "write x y\ninner"},
		"many":                          {errors.Join(manyHints(9)...), "1\n2\n3\n4\n5"},
		"deep in the second":            {errors.Join(advised{wrong, ""}, fmt.Errorf("x: %w", errors.Join(wrong, inner))), "inner"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fault.Hint(tt.err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
