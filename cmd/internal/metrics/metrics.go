// Package metrics writes what came of a run in the text format of Prometheus, as
// node_exporter's textfile collector reads it. It knows reports of runs, and not where
// commands and plans come from.
package metrics

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/runner"
)

// A Run is one run of a command, with what came of it.
type Run struct {
	Plan    string // its name
	Version string // of bayplan

	Mode     runner.Mode // stands for the command
	Ended    time.Time
	Took     time.Duration
	ExitCode int
	Success  bool // the command did what it is for; a diff also if it has found changes

	Report *runner.Report // nil: no step was run
	Items  int            // that an apply has finished, also of steps that failed

	// LastSuccess is when this command last succeeded for this plan: this time or
	// before; zero: never.
	LastSuccess time.Time
}

// Write writes the metrics of a run. The file appears whole, with mode 0644, since
// node_exporter is another user. What was in it is replaced.
func Write(file string, r Run) error {
	err := durable.WriteFile(file, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, r.text())
		return err
	})
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// statuses are the results of steps that each command can have. All of them have a
// value in each run, 0 where none has it: a series that vanishes cannot be compared.
func statuses(m runner.Mode) []runner.Status {
	own := []runner.Status{runner.Changed, runner.Unchanged, runner.Adopted}
	switch m {
	case runner.ModeDiff:
		own = []runner.Status{runner.ToCreate, runner.ToChange, runner.Unchanged, runner.Waiting, runner.CheckAfter}
	case runner.ModeVerify:
		own = []runner.Status{runner.Verified}
	}
	return append(own, runner.Failed, runner.Skipped, runner.Interrupted)
}

// A Family is a metric with all its values. Each value has the labels command and plan.
type Family struct {
	Name, Type, Help string
	Label            string // that it has besides, "" for none
}

// The metrics.
const (
	lastTime    = "bayplan_last_run_timestamp_seconds"
	duration    = "bayplan_last_run_duration_seconds"
	success     = "bayplan_last_run_success"
	exitCode    = "bayplan_last_run_exit_code"
	lastSuccess = "bayplan_last_success_timestamp_seconds"
	steps       = "bayplan_last_run_steps"
	items       = "bayplan_last_run_items"
	moved       = "bayplan_last_run_moved_bytes"
	buildInfo   = "bayplan_build_info"
)

// Families returns all metrics, in the order in which Write writes them.
func Families() []Family {
	const gauge = "gauge"
	return []Family{
		{lastTime, gauge, "When the last run of the command ended, as Unix time.", ""},
		{duration, gauge, "How long the last run took.", ""},
		{success, gauge, "Whether the last run succeeded: 1 or 0. A diff that found changes succeeded.", ""},
		{exitCode, gauge, "Exit code of the last run: 1 a step failed, 2 the plan or the command line is wrong, 3 there are changes, 4 another run held the state.", ""},
		{lastSuccess, gauge, "When the last run that succeeded ended, as Unix time; 0 if none is known.", ""},
		{steps, gauge, "Steps of the last run by what came of them.", "status"},
		{items, gauge, "Files, images and other things that the last run finished. In a diff, those that would change.", ""},
		{moved, gauge, "Bytes that the last run moved. In a diff, those that would be moved.", ""},
		{buildInfo, gauge, "The version of bayplan that made the last run; always 1.", "version"},
	}
}

// A sample is one value of a family.
type sample struct {
	label string // the value of the family's own label
	value float64
}

// samples returns the values of a family.
func (r Run) samples(f Family) []sample {
	report := r.Report
	if report == nil {
		report = &runner.Report{}
	}
	switch f.Name {
	case steps:
		var all []sample
		for _, s := range statuses(r.Mode) {
			all = append(all, sample{string(s), float64(report.Count(s))})
		}
		return all
	case buildInfo:
		return []sample{{r.Version, 1}}
	}
	return []sample{{value: r.number(f.Name, report)}}
}

// number returns the value of a metric that has one.
func (r Run) number(name string, report *runner.Report) float64 {
	done, bytes := r.Items, int64(0)
	for _, s := range report.Steps {
		bytes += s.Bytes
	}
	if r.Mode == runner.ModeDiff {
		done, bytes = report.Changes()
	}
	switch name {
	case lastTime:
		return seconds(r.Ended)
	case duration:
		return r.Took.Seconds()
	case success:
		return boolean(r.Success)
	case exitCode:
		return float64(r.ExitCode)
	case lastSuccess:
		return seconds(r.LastSuccess)
	case items:
		return float64(done)
	}
	return float64(bytes)
}

// text returns the metrics in the text format: for each HELP and TYPE, then its values.
func (r Run) text() string {
	var b strings.Builder
	for _, f := range Families() {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", f.Name, f.Help, f.Name, f.Type)
		for _, s := range r.samples(f) {
			pairs := []string{"command", string(r.Mode), "plan", r.Plan}
			if f.Label != "" {
				pairs = append(pairs, f.Label, s.label)
			}
			fmt.Fprintf(&b, "%s{%s} %s\n", f.Name, labels(pairs), number(s.value))
		}
	}
	return b.String()
}

// labels writes pairs of a name and a value.
func labels(pairs []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, pairs[i]+`="`+escape.Replace(strings.ToValidUTF8(pairs[i+1], "\ufffd"))+`"`)
	}
	return strings.Join(all, ",")
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// seconds gives a time with milliseconds. More digits do not fit a float64 exactly.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
