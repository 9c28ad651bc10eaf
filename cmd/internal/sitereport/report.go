package sitereport

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// What a report holds at most. A centre reads the reports of hundreds of sites.
const (
	maxReport = 1 << 20 // bytes
	maxSteps  = 2000
	maxErrors = 50   // steps that say why they failed
	maxText   = 1000 // characters of a text
	maxChosen = 20   // steps that --only or --skip names
)

// A Run is a run of a plan that has ended, in whatever way.
type Run struct {
	Site    string // its name
	Version string // of bayplan
	Plan    string // its name
	Texts   []plan.SourceText
	Lock    string // digest of the lock file, "" for none
	Mode    runner.Mode
	Only    []string
	Skip    []string

	Began, Ended time.Time
	ExitCode     int
	Err          error             // of the command; nil: it has none
	Progress     *history.Progress // what its events have said
}

// Report makes the report of a run.
func (r Run) Report() document.SiteReport {
	_, host := runner.UserAndHost()
	d := document.SiteReport{
		Site: cut(r.Site), Host: cut(host), Version: r.Version, Plan: r.Plan, PlanDigest: PlanDigest(r.Texts), LockDigest: r.Lock,
		Mode: r.Mode, Only: some(r.Only), Skip: some(r.Skip), Began: r.Began.UTC(), Ended: r.Ended.UTC(), Took: r.Ended.Sub(r.Began).Seconds(),
		Verdict: verdict(r.ExitCode), ExitCode: r.ExitCode,
	}
	result := r.Progress.Result()
	d.Counts, d.Items, d.Bytes, d.Mounted = result.Counts, result.Items, result.Bytes, result.Mounted
	if d.Verdict != document.VerdictDone {
		d.Error = r.why(result)
	}
	d.Steps, d.LeftOut = steps(r.Progress)
	return d
}

// verdict says how a command ended.
func verdict(exitCode int) document.Verdict {
	switch {
	case exitCode == 0:
		return document.VerdictDone
	case exitCode > 128: // a signal
		return document.VerdictInterrupted
	}
	return document.VerdictFailed
}

// why says in a line why the run is not done: the first step that failed, or the error of a
// run that could not begin.
func (r Run) why(result history.Result) string {
	if len(result.Failed) > 0 {
		f := result.Failed[0]
		return firstLine(f.Step + ": " + f.Error)
	}
	if r.Err == nil || verdict(r.ExitCode) == document.VerdictInterrupted {
		return ""
	}
	var mistakes plan.Errors
	if errors.As(r.Err, &mistakes) && len(mistakes) > 0 {
		return firstLine(mistakes[0].Error())
	}
	return firstLine(r.Err.Error())
}

// steps gives what came of the steps, those that failed first if there is no room for all.
func steps(p *history.Progress) (all []document.SiteStep, leftOut int) {
	all = []document.SiteStep{}
	errors := 0
	add := func(s *history.StepProgress) {
		if len(all) == maxSteps {
			leftOut++
			return
		}
		one := document.SiteStep{ID: cut(s.ID), Type: s.Type, Status: s.Status, Items: s.Done, Bytes: s.Bytes, Took: s.Took}
		if s.Error != "" && errors < maxErrors {
			errors++
			one.Error = firstLine(s.Error)
		}
		all = append(all, one)
	}
	crowded := len(p.Steps) > maxSteps
	failed := func(s *history.StepProgress) bool { return s.Status == runner.Failed }
	for _, s := range p.Steps {
		if crowded && failed(s) {
			add(s)
		}
	}
	for _, s := range p.Steps {
		if s.Status != "" && !(crowded && failed(s)) {
			add(s)
		}
	}
	return all, leftOut
}

// OwnTexts gives the texts of a plan without the file whose connections replace those of the
// plan: each site may have its own.
func OwnTexts(p *plan.Plan) []plan.SourceText {
	return slices.DeleteFunc(p.Texts(), func(t plan.SourceText) bool { return p.ConnectionsFile != "" && t.File == p.ConnectionsFile })
}

// PlanDigest says which plan it is: the digest of its file or, if it has more files, that of
// their digests, a line each.
func PlanDigest(texts []plan.SourceText) string {
	switch len(texts) {
	case 0:
		return ""
	case 1:
		return texts[0].Digest
	}
	var lines strings.Builder
	for _, t := range texts {
		fmt.Fprintln(&lines, t.Digest)
	}
	return checksum.SHA256([]byte(lines.String()))
}

// encode writes a report as it is sent, without the secrets. One that is too large goes
// without its steps.
func encode(r document.SiteReport, secrets *redact.Redactor) ([]byte, error) {
	b, err := document.Marshal(r)
	if err != nil {
		return nil, err
	}
	if b = secrets.JSON(b); len(b) <= maxReport {
		return b, nil
	}
	if len(r.Steps) == 0 {
		return nil, fmt.Errorf("the report has %d bytes; at most %d are read", len(b), maxReport)
	}
	r.LeftOut += len(r.Steps)
	r.Steps = []document.SiteStep{}
	return encode(r, secrets)
}

var errNoReport = errors.New("it is not a report")

// decode reads a report that was sent by whomever.
func decode(b []byte) (document.SiteReport, error) {
	var head document.Head
	if err := json.Unmarshal(b, &head); err != nil || head.Document != document.SiteReportName {
		return document.SiteReport{}, errNoReport
	}
	if head.FormatVersion > runner.FormatVersion {
		return document.SiteReport{}, errors.New("a newer bayplan wrote it; use that version to read it")
	}
	var r document.SiteReport
	if err := json.Unmarshal(b, &r); err != nil {
		return document.SiteReport{}, errNoReport
	}
	if r.Ended.IsZero() || r.Verdict == "" {
		return document.SiteReport{}, errors.New("the report does not say when its run ended, or how")
	}
	if at := badTime(r); !at.IsZero() {
		return document.SiteReport{}, fmt.Errorf("the report names a time in the year %d", at.Year())
	}
	return r, nil
}

// badTime gives a time of a report that no run of bayplan can have, zero for none. JSON has
// no years beyond 9999, and a time is corrected by up to maxSeconds.
func badTime(r document.SiteReport) time.Time {
	times := []time.Time{r.Began, r.Ended, r.FailingSince, r.LastDone}
	if r.Clock != nil {
		times = append(times, r.Clock.Registry, r.Clock.Site)
	}
	if r.Other != nil {
		times = append(times, r.Other.Ended)
	}
	for _, at := range times {
		if !at.IsZero() && (at.Year() < 1970 || at.Year() > 9000) {
			return at
		}
	}
	return time.Time{}
}

// some gives the first of the steps that a flag names, cut.
func some(steps []string) []string {
	var all []string
	for _, s := range steps[:min(len(steps), maxChosen)] {
		all = append(all, cut(s))
	}
	return all
}

// firstLine gives the first line of a text, cut.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return cut(line)
}

// cut gives at most maxText characters of a text.
func cut(text string) string {
	n := 0
	for i := range text {
		if n++; n > maxText {
			return text[:i] + "…"
		}
	}
	return text
}
