package main

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/bayplan/bayplan/runner"
)

// A jsonView prints every event as a line of JSON, and shows the same run to
// people through another view.
type jsonView struct {
	lines *json.Encoder
	err   error // the first write error
	text  view  // for people
}

func newJSONView(out io.Writer, human view) *jsonView {
	return &jsonView{lines: json.NewEncoder(out), text: human}
}

// Observe prints the event.
func (v *jsonView) Observe(e runner.Event) {
	if err := v.lines.Encode(e); err != nil && v.err == nil {
		v.err = err
	}
	v.text.Observe(e)
}

// End shows the end to people. Programs have it from the last event.
func (v *jsonView) End(r *runner.Report) error { return errors.Join(v.err, v.text.End(r)) }

// A jsonDiff prints the report of a diff as one JSON document.
type jsonDiff struct{ out io.Writer }

// Observe does nothing: the report holds everything.
func (*jsonDiff) Observe(runner.Event) {}

// End prints the report.
func (v *jsonDiff) End(r *runner.Report) error {
	items, bytes := r.Changes()
	e := json.NewEncoder(v.out)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*runner.Report
		Items   int    `json:"items"`
		Bytes   int64  `json:"bytes"`
		Summary string `json:"summary"`
	}{r, items, bytes, r.Summary()})
}
