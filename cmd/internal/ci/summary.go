package ci

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/ciformat"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/markdown"
	"github.com/bayplan/bayplan/runner"
)

const (
	maxRows     = 500 // steps in a summary
	maxProblems = 50  // problems in a summary, the rest of which is in the log
)

// Summary gives what was found as Markdown, to read on the page of a job.
func (r *Run) Summary(problems []ciformat.Problem) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s", r.title())
	if r.graph != nil {
		fmt.Fprintf(&b, ": %s", markdown.Code(r.graph.Plan.Name))
	}
	fmt.Fprintf(&b, "\n\n%s\n\n", r.outcome(problems))
	if r.report != nil {
		r.stepTable(&b)
	}
	return b.String() + List(problems)
}

// List gives problems as a list in Markdown.
func List(problems []ciformat.Problem) string {
	var b strings.Builder
	for i, p := range problems {
		if i == maxProblems {
			fmt.Fprintf(&b, "- and %s in the log\n", human.Count(len(problems)-i, "more", "more"))
			break
		}
		mark := map[ciformat.Severity]string{ciformat.Error: "**error**", ciformat.Warning: "warning"}[p.Severity]
		if p.File != "" {
			mark += " " + markdown.Code(fmt.Sprintf("%s:%d", p.File, p.Line))
		}
		fmt.Fprintf(&b, "- %s: %s\n", mark, markdown.Code(p.Text))
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// stepTable writes a table of the steps. Those for which there is nothing to do are counted
// in the summary of the run.
func (r *Run) stepTable(b *strings.Builder) {
	rows := 0
	for _, s := range r.report.Steps {
		if s.Status == runner.Unchanged || s.Status == runner.NotAsked {
			continue
		}
		if rows++; rows == 1 {
			b.WriteString("| step | result | |\n|---|---|---|\n")
		}
		if rows > maxRows {
			b.WriteString("| ... | | |\n")
			break
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", markdown.CodeInTable(s.ID), s.Status, cell(r.about(s)))
	}
	if rows > 0 {
		b.WriteString("\n")
	}
}

// cell returns a text of others in a cell of a table.
func cell(text string) string {
	if text == "" {
		return ""
	}
	return markdown.CodeInTable(text)
}

// about says in a few words what a step does, or why it does nothing.
func (r *Run) about(s *runner.StepReport) string {
	switch {
	case s.Err != nil:
		return limit(firstLine(r.clean(s.Err.Error())))
	case s.Finding.Change != nil:
		return r.clean(s.Finding.Change.Summary)
	}
	return r.clean(s.Why)
}
