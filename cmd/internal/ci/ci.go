// Package ci says what a command has found in the terms of CI systems: problems at places
// in files, tests with results, and a summary to read. It knows plans and runs, and no
// terminal; how a system writes these is in internal/ciformat.
package ci

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/ciformat"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A Run is what one command has found. Its methods may be called on nil, which collects
// nothing.
type Run struct {
	Program string // whose command it is; "": bayplan
	Command string
	Version string   // of bayplan
	Dir     string   // the working directory, from which relative paths of files count
	Plans   []string // the files of its plans
	Begun   time.Time
	Took    time.Duration

	// Clean masks the secrets in a text, before anything in it is escaped; nil: there are
	// none.
	Clean func(string) string

	left     map[string]string // why plans of these were left out
	checked  []string          // plans in which validate has found no mistake
	warnings plan.Errors
	found    plan.Errors // by a rehearsal
	graph    *runner.Graph
	report   *runner.Report
	err      error
}

// Checked notes a plan without mistakes.
func (r *Run) Checked(file string) {
	if r != nil {
		r.checked = append(r.checked, file)
	}
}

// Ended notes a plan without mistakes, or one that was left out, with why.
func (r *Run) Ended(file, why string) {
	if r == nil {
		return
	}
	if r.checked = append(r.checked, file); r.left == nil {
		r.left = map[string]string{}
	}
	r.left[file] = why
}

// Warn notes what may be a mistake in a plan.
func (r *Run) Warn(warnings plan.Errors) {
	if r != nil {
		r.warnings = append(r.warnings, warnings...)
	}
}

// Found notes a problem that a rehearsal has found.
func (r *Run) Found(e *plan.Error) {
	if r != nil {
		r.found = append(r.found, e)
	}
}

// Load notes the plan that is run. Of several that are only read, none is.
func (r *Run) Load(g *runner.Graph) {
	if r != nil && len(r.Plans) < 2 {
		r.graph = g
	}
}

// Report notes the result of a run.
func (r *Run) Report(report *runner.Report) {
	if r != nil {
		r.report = report
	}
}

// Loaded gives the plan that is run, or nil.
func (r *Run) Loaded() *runner.Graph { return r.graph }

// Reported gives the result of the run, or nil.
func (r *Run) Reported() *runner.Report { return r.report }

// End notes how the command has ended. told is an error whose cause a report has.
func (r *Run) End(err error, told bool, took time.Duration) {
	r.Took = took
	if !told || r.report == nil && len(r.found) == 0 {
		r.err = err
	}
}

// mistakes gives the mistakes of the plan because of which nothing was run.
func (r *Run) mistakes() plan.Errors {
	var mistakes plan.Errors
	_ = errors.As(r.err, &mistakes)
	return mistakes
}

// Problems gives all that was found: mistakes and warnings at their places, and failed steps
// at their steps. Files are relative to root, the folder of the repository; those outside
// have no place.
func (r *Run) Problems(root string) []ciformat.Problem {
	if root == "" {
		root = r.Dir
	}
	var all []ciformat.Problem
	for _, e := range slices.Concat(r.mistakes(), r.found) {
		all = append(all, r.problem(ciformat.Error, "", e, root))
	}
	if r.err != nil && len(r.mistakes()) == 0 {
		all = append(all, ciformat.Problem{Severity: ciformat.Error, Check: r.check(), Title: r.title(), Text: limit(r.clean(withHint(r.err.Error(), fault.Hint(r.err))))})
	}
	if r.report != nil {
		for _, s := range r.report.Steps {
			if s.Status == runner.Failed || s.Status == runner.Interrupted {
				all = append(all, r.problem(ciformat.Error, s.ID, r.placeOf(s), root))
			}
		}
	}
	for _, w := range r.warnings {
		all = append(all, r.problem(ciformat.Warning, "", w, root))
	}
	return all
}

func (r *Run) program() string { return cmp.Or(r.Program, "bayplan") }
func (r *Run) check() string   { return r.program() + "-" + r.Command }
func (r *Run) title() string   { return r.program() + " " + r.Command }

// placeOf gives the error of a step at the step's place in the plan.
func (r *Run) placeOf(s *runner.StepReport) *plan.Error {
	e := &plan.Error{}
	if r.graph != nil {
		if n := r.graph.Node(s.ID); n != nil {
			e = n.Step.Errorf(n.Step.Pos, "")
		}
	}
	e.Msg, e.Hint = "it has failed", fault.Hint(s.Err)
	if s.Err != nil {
		e.Msg = s.Err.Error()
	}
	return e
}

func (r *Run) problem(severity ciformat.Severity, step string, e *plan.Error, root string) ciformat.Problem {
	p := ciformat.Problem{Severity: severity, Check: r.check(), Title: r.title(), Text: withHint(e.Msg, e.Hint)}
	if step != "" {
		p.Title += ": " + step
	}
	if p.File = r.inRepository(e.File, root); p.File != "" {
		p.Line, p.Column = e.Pos.Line, e.Pos.Col
	} else if e.File != "" {
		p.Text = e.Error() + "\n" + withHint("", e.Hint)
	}
	p.Text = limit(r.clean(strings.TrimSpace(p.Text)))
	return p
}

func (r *Run) clean(text string) string {
	if r.Clean == nil {
		return text
	}
	return r.Clean(text)
}

// inRepository gives a file as a path relative to the repository, "" for one outside.
func (r *Run) inRepository(file, root string) string {
	if file == "" {
		return ""
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(r.Dir, file)
	}
	path, err := filepath.Rel(root, file)
	if err != nil || !filepath.IsLocal(path) {
		return ""
	}
	return filepath.ToSlash(path)
}

// Source says who has found the problems, with the plans relative to the repository.
func (r *Run) Source(root string) ciformat.Source {
	if root == "" {
		root = r.Dir
	}
	of := ciformat.Source{Check: r.check()}
	for _, file := range r.Plans {
		if path := r.inRepository(file, root); path != "" {
			of.Plans = append(of.Plans, path)
		}
	}
	return of
}

func withHint(text, hint string) string {
	if hint == "" {
		return text
	}
	return strings.TrimPrefix(text+"\nhint: "+strings.ReplaceAll(hint, "\n", "\nhint: "), "\n")
}

// maxText is the longest text of a problem, in bytes. What follows is in the log.
const maxText = 4000

func limit(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + " ..."
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// count says how many problems there are of each kind.
func count(problems []ciformat.Problem) (bad, warnings int) {
	for _, p := range problems {
		if p.Severity == ciformat.Error {
			bad++
		} else {
			warnings++
		}
	}
	return bad, warnings
}

// outcome says in a line how the command has ended.
func (r *Run) outcome(problems []ciformat.Problem) string {
	bad, warnings := count(problems)
	text := "nothing is wrong"
	switch {
	case r.report != nil:
		text = r.report.Summary()
	case bad > 0:
		text = human.Count(bad, "problem", "problems")
	}
	if warnings > 0 {
		text += ", " + human.Count(warnings, "warning", "warnings")
	}
	return text
}
