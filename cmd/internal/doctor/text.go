package doctor

import (
	"fmt"
	"io"

	"github.com/bayplan/bayplan/internal/human"
)

// Write prints the report for people: a heading a subject, a line a finding, and below it
// what to do. A line end in a name ends no line. With problems, it leaves out what is in order. The last line counts.
func (r *Report) Write(w io.Writer, problems bool) error {
	width := 0
	for _, s := range r.Subjects {
		for _, f := range s.Findings {
			width = max(width, len(f.Check))
		}
	}
	for _, s := range r.Subjects {
		s.write(w, width, problems)
	}
	_, err := fmt.Fprintf(w, "%d ok, %s, %d failed\n", r.OK, human.Count(r.Warnings, "warning", "warnings"), r.Failed)
	return err
}

func (s Subject) write(w io.Writer, width int, problems bool) {
	headed := false
	for _, f := range s.Findings {
		if problems && f.Status == OK {
			continue
		}
		if !headed {
			fmt.Fprintln(w, human.Line(s.Name))
			headed = true
		}
		fmt.Fprintf(w, "  %-4s  %-*s  %s\n", f.Status, width, f.Check, human.Line(f.Message))
		if f.Hint != "" {
			fmt.Fprintf(w, "  %-4s  %-*s  hint: %s\n", "", width, "", human.Line(f.Hint))
		}
	}
}
