package main

import (
	"errors"
	"io"

	"github.com/bayplan/bayplan/runner"
)

// A jsonView prints every event as a line of JSON, and shows the same run to
// people through another view.
type jsonView struct {
	lines io.Writer
	err   error // the first write error
	text  view  // for people
}

func newJSONView(out io.Writer, human view) *jsonView {
	return &jsonView{lines: out, text: human}
}

// Observe prints the event.
func (v *jsonView) Observe(e runner.Event) {
	line, err := versioned(e)
	if err == nil {
		_, err = v.lines.Write(append(line, '\n'))
	}
	if err != nil && v.err == nil {
		v.err = err
	}
	v.text.Observe(e)
}

// End shows the end to people. Programs have it from the last event.
func (v *jsonView) End(r *runner.Report) error { return errors.Join(v.err, v.text.End(r)) }

// A jsonDiff prints the report of a diff as one JSON document.
type jsonDiff struct{ program *program }

// Observe does nothing: the report holds everything.
func (*jsonDiff) Observe(runner.Event) {}

// End prints the report.
func (v *jsonDiff) End(r *runner.Report) error {
	items, bytes := r.Changes()
	return v.program.printIndentedJSON(struct {
		*runner.Report
		Items   int    `json:"items"`
		Bytes   int64  `json:"bytes"`
		Summary string `json:"summary"`
	}{r, items, bytes, r.Summary()})
}
