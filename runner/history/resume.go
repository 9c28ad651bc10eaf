package history

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/runner"
)

// resume opens the log of a run that has a part here, nil if there is none.
func resume(runs string, info Info, secrets *redact.Redactor) (*Log, error) {
	if info.Run == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(runs) // sorted by name
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(entries) {
		dir := filepath.Join(runs, e.Name())
		rec, err := readRunRecord(dir)
		if err != nil || rec == nil || rec.Run != info.Run || rec.Result != nil && rec.Result.State == Newer {
			continue // one that cannot be read is left alone
		}
		l := &Log{Dir: dir, info: rec.Info, secrets: secrets}
		l.info.Resumed = time.Now().UTC()
		if err := l.replay(); err != nil {
			return nil, keepError(err)
		}
		return l, l.open()
	}
	return nil, nil
}

// replay takes the events of the parts before, and cuts off a line that was not written to its end.
func (l *Log) replay() error {
	file := filepath.Join(l.Dir, eventsFile)
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ends, good := map[string]runner.Event{}, 0
	for line := range bytes.Lines(text) {
		e, err := parseEvent(line)
		if err != nil || line[len(line)-1] != '\n' {
			break
		}
		good += len(line)
		l.progress.Add(e)
		if e.Kind == runner.StepEnd {
			ends[e.Step] = e
		}
	}
	for _, s := range l.progress.ended {
		e := ends[s.ID]
		report := &runner.StepReport{ID: s.ID, Type: s.Type, Status: s.Status, Bytes: s.Bytes, Fills: e.Fills, Finding: runner.Finding{Vouched: e.Vouched}}
		if report.Took = time.Duration(s.Took * float64(time.Second)); s.Status == runner.Failed {
			report.Err = errors.New(s.Error)
		}
		l.before = append(l.before, report)
	}
	if good < len(text) {
		return os.Truncate(file, int64(good))
	}
	return nil
}

// Before returns what the parts before have done, in the order in which the steps ended.
func (l *Log) Before() []*runner.StepReport { return l.before }

// shown leaves out texts with a secret in them.
func (l *Log) shown(texts []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return l.secrets.Text(text) != text })
}

func (l *Log) shownFills(fills map[string]runner.Content) map[string]runner.Content {
	fills = maps.Clone(fills)
	maps.DeleteFunc(fills, func(place string, c runner.Content) bool {
		return l.secrets.Text(place) != place || l.secrets.Text(c.Name) != c.Name
	})
	return fills
}
