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

// NewJSONDiff makes a view that prints the report of a diff as one JSON document with
// print.
func NewJSONDiff(print func(any) error) View { return jsonDiff{print} }

type jsonDiff struct{ print func(any) error }

// Observe does nothing: the report holds everything.
func (jsonDiff) Observe(runner.Event) {}

// End prints the report.
func (v jsonDiff) End(r *runner.Report) error {
	items, bytes := r.Changes()
	return v.print(struct {
		*runner.Report
		Items   int    `json:"items"`
		Bytes   int64  `json:"bytes"`
		Summary string `json:"summary"`
	}{r, items, bytes, r.Summary()})
}
