package explain

import (
	"encoding/json"
	"slices"
	"strings"
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

// The topic of plans lists the keys that the schema allows, and each topic has a title.
func TestSections(t *testing.T) {
	var got, want []string
	for _, key := range topics[0].keys.list {
		got = append(got, strings.TrimSuffix(key.name, ":"))
	}
	all, err := Keys()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range all {
		want = append(want, key.Setting)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("explain plan lists %q, want %q", got, want)
	}
	sections, err := Sections()
	if err != nil || len(sections) != len(topics) {
		t.Fatalf("%d sections of %d topics, %v", len(sections), len(topics), err)
	}
	for _, s := range sections {
		if s.Title == "" || s.Text == "" {
			t.Errorf("%s has no title or no text", s.Topic)
		}
	}
}
