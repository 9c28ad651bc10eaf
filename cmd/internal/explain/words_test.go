package explain

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/schemas"
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
		"states":   {stepStates[:], document.State("").Words()},
		"items":    {operations[:], runner.Op("").Words()},
		"problems": {problemKinds[:], schemaWords(t, "diff", "Problem", "kind")},
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

// schemaWords returns the words that the schema of a document allows for a field.
func schemaWords(t *testing.T, name, def, field string) []string {
	t.Helper()
	text, err := schemas.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	var value struct{ Enum []string }
	if err := json.Unmarshal(schema.Defs[def].Properties[field], &value); err != nil {
		t.Fatal(err)
	}
	return value.Enum
}
