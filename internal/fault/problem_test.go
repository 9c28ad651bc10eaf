package fault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
)

type missing string

func (m missing) Error() string { return "missing: " + string(m) }

func (m missing) Problem() fault.Problem {
	return fault.Problem{Kind: "missing", What: "image", Name: string(m)}
}

func TestProblems(t *testing.T) {
	other := errors.New("other")
	tests := map[string]struct {
		err  error
		want []string
	}{
		"none":                     {nil, nil},
		"an error without any":     {other, nil},
		"one":                      {missing("a"), []string{"a"}},
		"one, wrapped":             {fault.WithHint(fmt.Errorf("catalog: %w", missing("a")), "try again"), []string{"a"}},
		"some among others":        {errors.Join(missing("b"), other, missing("a")), []string{"b", "a"}},
		"joined":                   {errors.Join(missing("a"), fmt.Errorf("x: %w", missing("b"))), []string{"a", "b"}},
		"several, wrapped, nested": {fmt.Errorf("x: %w", errors.Join(other, errors.Join(missing("a"), missing("a")))), []string{"a", "a"}},
		"a list of none":           {errors.Join(other), nil},
		"wrapped twice at once":    {fmt.Errorf("%w and %w", missing("a"), missing("b")), []string{"a", "b"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range fault.Problems(tt.err) {
				got = append(got, p.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestIsCancelled(t *testing.T) {
	for _, err := range []error{context.Canceled, fmt.Errorf("reading: %w", context.DeadlineExceeded)} {
		if !fault.IsCancelled(err) {
			t.Errorf("%v: not cancelled", err)
		}
	}
	for _, err := range []error{nil, os.ErrDeadlineExceeded, fault.AsConnection(context.DeadlineExceeded), errors.New("other")} {
		if fault.IsCancelled(err) {
			t.Errorf("%v: cancelled", err)
		}
	}
}

func TestWithProblems(t *testing.T) {
	if fault.WithProblems(nil, fault.Problem{Name: "a"}) != nil {
		t.Error("no error has become one")
	}
	boom := fault.WithHint(errors.New("boom"), "look")
	err := fmt.Errorf("x: %w", fault.Join(fault.WithProblems(boom, fault.Problem{Name: "a"}, fault.Problem{Name: "b"}), errors.New("other")))
	want := []fault.Problem{{Name: "a"}, {Name: "b"}}
	if diff := cmp.Diff(want, fault.Problems(err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if err.Error() != "x: boom\nother" || fault.Hint(err) != "look" || !errors.Is(err, boom) {
		t.Errorf("%v, hint %q", err, fault.Hint(err))
	}
}
