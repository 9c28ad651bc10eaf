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

// The names of the metrics that are also read.
const lastSuccess = "bayplan_last_success_timestamp_seconds"

// text returns the metrics in the text format: for each HELP and TYPE, then its values.
func (r Run) text() string {
	report := r.Report
	if report == nil {
		report = &runner.Report{}
	}
	items, bytes := r.Items, int64(0)
	for _, s := range report.Steps {
		bytes += s.Bytes
	}
	if r.Mode == runner.ModeDiff {
		items, bytes = report.Changes()
	}
	var b strings.Builder
	gauge := func(name, help string) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	}
	value := func(name string, n float64, more ...string) {
		fmt.Fprintf(&b, "%s{%s} %s\n", name, labels(append([]string{"command", string(r.Mode), "plan", r.Plan}, more...)), number(n))
	}
	one := func(name, help string, n float64) {
		gauge(name, help)
		value(name, n)
	}
	one("bayplan_last_run_timestamp_seconds", "When the last run of the command ended, as Unix time.", seconds(r.Ended))
	one("bayplan_last_run_duration_seconds", "How long the last run took.", r.Took.Seconds())
	one("bayplan_last_run_success", "Whether the last run succeeded: 1 or 0. A diff that found changes succeeded.", boolean(r.Success))
	one("bayplan_last_run_exit_code", "Exit code of the last run: 1 a step failed, 2 the plan or the command line is wrong, 3 there are changes, 4 another run held the state.", float64(r.ExitCode))
	one(lastSuccess, "When the last run that succeeded ended, as Unix time; 0 if none is known.", seconds(r.LastSuccess))
	gauge("bayplan_last_run_steps", "Steps of the last run by what came of them.")
	for _, s := range statuses(r.Mode) {
		value("bayplan_last_run_steps", float64(report.Count(s)), "status", string(s))
	}
	one("bayplan_last_run_items", "Files, images and other things that the last run finished. In a diff, those that would change.", float64(items))
	one("bayplan_last_run_moved_bytes", "Bytes that the last run moved. In a diff, those that would be moved.", float64(bytes))
	gauge("bayplan_build_info", "The version of bayplan that made the last run; always 1.")
	value("bayplan_build_info", 1, "version", r.Version)
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
