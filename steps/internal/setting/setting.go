// Package setting checks and reads the settings of steps and connections: one of
// several words, a range, a mode, a digest, a plain name, paths. A check takes a
// zero value for "not set" or "not known yet" and passes it. A check that only one
// type needs stays with that type. Nothing here uses the disk or the network.
package setting

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
)

// OneOf reports a value that is not one of the choices. An empty value means "not
// set" and passes, so a choice "" is not shown.
func OneOf(got string, choices ...string) error {
	if got == "" || slices.Contains(choices, got) {
		return nil
	}
	choices = slices.DeleteFunc(slices.Clone(choices), func(w string) bool { return w == "" })
	if len(choices) == 1 {
		return fmt.Errorf("%q is not %s", got, choices[0])
	}
	err := fmt.Errorf("%q is not one of %s", got, strings.Join(choices, ", "))
	if hint := human.DidYouMean(got, choices); hint != "" {
		return fault.WithHint(err, hint)
	}
	if word := human.YesOrNo(got, choices); word != "" {
		return fault.WithHint(err, "write "+word)
	}
	return err
}

// Alone gives the error for one of two settings that need each other: the first, if it is
// the one that is given, or else the second.
func Alone(first string, given bool, second string) error {
	if !given {
		first, second = second, first
	}
	return plan.At(first, fmt.Errorf("%s is given without %s", first, second))
}

// Between reports a number outside of low to high. A setting that is left out (nil) passes.
func Between(n *int, low, high int) error {
	if n != nil && (*n < low || *n > high) {
		return fmt.Errorf("%d is not from %d to %d", *n, low, high)
	}
	return nil
}

// Number gives the number of an optional setting, or what holds when it is left out.
func Number(n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	return *n
}

// Text gives the text of an optional setting. It is "" for a setting that is left
// out (nil) and for a reference that is not known yet.
func Text[T ~string](setting *T) T {
	if setting == nil {
		return ""
	}
	return *setting
}

// WithSuggestion adds a hint to an error about an unknown name: the most similar
// known name or, without one, all known names.
func WithSuggestion(err error, got string, known []string) error {
	if hint := human.DidYouMean(got, known); hint != "" {
		return fault.WithHint(err, hint)
	}
	if len(known) > 0 {
		return fault.WithHint(err, "there are "+strings.Join(known, ", "))
	}
	return err
}
