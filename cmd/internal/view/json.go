package view

import (
	"errors"

	"github.com/bayplan/bayplan/runner"
)

// NewJSON makes a view that prints every event as JSON with print, and shows the same
// run to people through text.
func NewJSON(print func(any) error, text View) View { return &jsonView{print: print, text: text} }

type jsonView struct {
	print func(any) error
	err   error // the first one of print
	text  View  // for people
}

// Observe prints the event.
func (v *jsonView) Observe(e runner.Event) {
	if err := v.print(e); err != nil && v.err == nil {
		v.err = err
	}
	v.text.Observe(e)
}

// End shows the end to people. Programs have it from the last event.
func (v *jsonView) End(r *runner.Report) error { return errors.Join(v.err, v.text.End(r)) }

func (v *jsonView) leave() { Leave(v.text) }

// NewEnd makes a view that shows only the report, with print.
func NewEnd(print func(*runner.Report) error) View { return endView{print} }

type endView struct{ print func(*runner.Report) error }

// Observe does nothing: the report holds everything.
func (endView) Observe(runner.Event) {}

// End prints the report.
func (v endView) End(r *runner.Report) error { return v.print(r) }
