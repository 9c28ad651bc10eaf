package fault_test

import (
	"errors"
	"fmt"
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
		"first of two":                  {errors.Join(inner, fault.WithHint(wrong, "other")), "inner"},
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
