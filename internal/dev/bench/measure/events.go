package measure

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// LastItem reads from the events in a state of bayplan how long its last run took to
// finish the last item whose name has a prefix.
func LastItem(state, prefix string) (time.Duration, error) {
	logs, err := filepath.Glob(filepath.Join(state, "runs", "*", "events.jsonl"))
	if err != nil || len(logs) == 0 {
		return 0, errors.Join(err, errors.New("the run has no events"))
	}
	text, err := os.ReadFile(slices.Max(logs))
	if err != nil {
		return 0, err
	}
	var begin, last time.Time
	for line := range bytes.Lines(text) {
		var e struct {
			Time time.Time
			Item *struct{ Name string }
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return 0, err
		}
		if begin.IsZero() {
			begin = e.Time
		}
		if e.Item != nil && strings.HasPrefix(e.Item.Name, prefix) {
			last = e.Time
		}
	}
	if last.IsZero() {
		return 0, errors.New("no item was finished")
	}
	return last.Sub(begin), nil
}
