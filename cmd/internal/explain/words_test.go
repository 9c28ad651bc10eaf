package explain

import (
	"slices"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/runner"
)

// explain json names every cause, every kind of event and every status that there is.
func TestExplainJSONIsComplete(t *testing.T) {
	for name, tt := range map[string]struct {
		explained []word
		want      []string
	}{
		"causes":   {causes[:], document.Cause("").Words()},
		"events":   {eventKinds[:], runner.EventKind("").Words()},
		"statuses": {stepStatuses[:], runner.Status("").Words()},
	} {
		var got []string
		for _, w := range tt.explained {
			got = append(got, w.name)
		}
		slices.Sort(got)
		slices.Sort(tt.want)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: explained are %q, want %q", name, got, tt.want)
		}
	}
}
