// Package history keeps the runs of a plan in its state, and reads them again: what each
// was, its events, and how it ended. It does not run anything.
package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A Info says what a run is. It is known when the run begins.
type Info struct {
	Plan  string      `json:"plan"` // the plan's name
	Mode  runner.Mode `json:"mode"`
	Began time.Time   `json:"began"`

	User    string `json:"user,omitempty"`
	Host    string `json:"host,omitempty"`
	Command string `json:"command,omitempty"` // the command line
	Version string `json:"version,omitempty"` // of bayplan

	Only []string `json:"only,omitempty"` // the steps to which the run was limited
	Skip []string `json:"skip,omitempty"` // the steps that it left out

	Run     string    `json:"run,omitempty"`    // the run over several sites that this one is a part of; "": it is of this host only
	Resumed time.Time `json:"resumed,omitzero"` // when its last part began; zero: it has one part

	Steps []Step            `json:"steps,omitempty"` // of the plan, in file order
	Texts []plan.SourceText `json:"texts,omitempty"` // the plan, without secrets
	Lock  string            `json:"lock,omitempty"`  // sha256:HEX of the lock file when the run began; "": there was none
}

// A Step is a step of the plan as it was in a run.
type Step struct {
	ID    string        `json:"id"`   // as in the plan; of an instance ID["KEY"]
	Type  string        `json:"type"` // of the step
	Needs []runner.Edge `json:"needs,omitempty"`
}

// StepsOf returns the steps of a graph, for an Info.
func StepsOf(g *runner.Graph) []Step {
	steps := make([]Step, len(g.Nodes))
	for i, n := range g.Nodes {
		steps[i] = Step{ID: n.ID(), Type: n.Type.Name, Needs: n.Needs}
	}
	return steps
}

// A Log keeps one run in the state: what it is and how it ended in run.json, and its
// events in events.jsonl, one JSON object for each line.
type Log struct {
	Dir string // runs/TIME of the state

	info     Info
	secrets  *redact.Redactor
	progress Progress
	before   []*runner.StepReport
	file     *os.File
	err      error // the first one
}

// The files of a run.
const (
	runFile    = "run.json"
	eventsFile = "events.jsonl"
)

// What a state keeps of runs: at most so many, and the older ones of these only as long as
// all take no more room. The events of a mirror of thousands of images are some megabytes.
const (
	keptRuns     = 50
	keptAnyway   = 5
	keptRunBytes = 64 << 20
)

// runIDFormat is the format of the names of runs. They sort by time.
const runIDFormat = "20060102T150405.000Z"

// Begin makes the directory of a run that begins now. It adds to info who runs this
// process and where. It deletes the oldest runs that are too many. secrets
// are masked in what is written of info; nil masks only the secret parts of URLs.
//
// If the state has a part of the same Run, Begin goes on with that log. One Log of a state may be
// open at a time.
func Begin(s *runner.Store, info Info, secrets *redact.Redactor) (*Log, error) {
	if err := s.CheckWritable(); err != nil {
		return nil, err
	}
	runs := filepath.Join(s.Dir(), "runs")
	if l, err := resume(runs, info, secrets); l != nil || err != nil {
		return l, err
	}
	if err := removeOldRuns(runs); err != nil {
		return nil, fmt.Errorf("remove old runs: %w", err)
	}
	info.Began = info.Began.UTC()
	info.User, info.Host = runner.UserAndHost()
	l := &Log{Dir: filepath.Join(runs, info.Began.Format(runIDFormat)), info: info, secrets: secrets}
	if _, err := durable.MkdirAll(l.Dir, 0o700); err != nil {
		return nil, keepError(err)
	}
	return l, l.open()
}

// open writes what the run is, and opens the file of its events.
func (l *Log) open() error {
	err := l.write(nil)
	if err == nil {
		l.file, err = os.OpenFile(filepath.Join(l.Dir, eventsFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	}
	if err != nil {
		return keepError(err)
	}
	return nil
}

func keepError(err error) error { return fmt.Errorf("keep the events of this run: %w", err) }

// removeOldRuns makes room for one more run. The names of runs sort by time.
func removeOldRuns(dir string) error {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return err
	}
	slices.Reverse(entries)
	var bytes int64
	for i, e := range entries {
		path := filepath.Join(dir, e.Name())
		bytes += fileBytes(path)
		if i+1 < keptRuns && (bytes <= keptRunBytes || i+1 < keptAnyway) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// fileBytes gives how large the files in a directory are. What cannot be read counts
// nothing.
func fileBytes(dir string) int64 {
	entries, _ := os.ReadDir(dir)
	var sum int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// A loggedEvent is an event with what only the log has.
type loggedEvent struct {
	runner.Event
	Change  []runner.Item  `json:"change,omitempty"`
	Outputs runner.Outputs `json:"outputs,omitempty"`

	// Of a run that has parts: the next part goes by them.
	Vouched []string                  `json:"vouched,omitempty"`
	Fills   map[string]runner.Content `json:"fills,omitempty"`
}

// Observe writes an event. Close returns the error, if there is one.
func (l *Log) Observe(e runner.Event) {
	l.progress.Add(e)
	if l.err != nil {
		return
	}
	logged := loggedEvent{Event: e, Change: e.Change, Outputs: e.Outputs}
	if l.info.Run != "" {
		logged.Vouched, logged.Fills = l.shown(e.Vouched), l.shownFills(e.Fills)
	}
	b, err := json.Marshal(logged)
	if err == nil {
		_, err = l.file.Write(append(b, '\n'))
	}
	l.err = err
}

// Close ends the log, records how the run ended, and returns the first error of the log.
func (l *Log) Close() error {
	errs := []error{l.err, l.file.Sync(), l.file.Close()}
	if l.err == nil {
		result := l.progress.Result()
		errs = append(errs, l.write(&result))
	}
	for _, err := range errs {
		if err != nil {
			return keepError(err)
		}
	}
	return nil
}

// A runRecord is what run.json holds.
type runRecord struct {
	Form int `json:"format_version,omitempty"` // see runner.FormatVersion; 0: 1
	Info
	Result *Result `json:"result,omitempty"` // nil: the run has not ended, or was killed
}

// write writes run.json. More secrets are known at the end of a run than at its start.
func (l *Log) write(result *Result) error {
	info := l.info
	info.Command = l.secrets.Text(info.Command)
	info.Texts = make([]plan.SourceText, len(l.info.Texts))
	for i, t := range l.info.Texts {
		t.Text = l.secrets.Text(t.Text)
		info.Texts[i] = t
	}
	b, err := json.Marshal(runRecord{runner.FormatVersion, info, result})
	if err != nil {
		return err
	}
	return durable.WriteBytes(filepath.Join(l.Dir, runFile), 0o600, append(b, '\n'))
}

// readRunRecord reads run.json. A run of an earlier version has none: its record is nil.
func readRunRecord(dir string) (*runRecord, error) {
	b, err := os.ReadFile(filepath.Join(dir, runFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rec := new(runRecord)
	err = json.Unmarshal(b, rec)
	if rec.Form > runner.FormatVersion {
		return &runRecord{Info: Info{Mode: runner.ModeApply, Began: rec.Began, Version: rec.Version}, Result: &Result{State: Newer}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, runFile), err)
	}
	return rec, nil
}
