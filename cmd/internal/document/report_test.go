package document_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

func TestDiffAsJSON(t *testing.T) {
	r := &runner.Report{Mode: runner.ModeDiff, Steps: []*runner.StepReport{
		{
			ID: "a", Type: "fake", Status: runner.ToCreate, Took: 1500 * time.Millisecond,
			Finding: runner.Finding{Change: &runner.Change{Summary: "2 things", Items: []runner.Item{
				{Op: runner.Create, What: runner.RegularFile, Name: "/x", Bytes: 3, Note: "n", Old: "o", New: "p"},
			}}},
			Outputs: runner.Outputs{"id": plan.Later("after upload"), "files": plan.List("x")},
		},
		{ID: "b", Type: "fake", Status: runner.Failed, Err: fault.WithHint(errors.New("boom"), "look")},
		{ID: "c", Type: "fake", Status: runner.Skipped, Blame: "b", Why: "needs b, which failed"},
	}}
	got, err := document.Marshal(document.DiffOf("site", r))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"format_version":1,"document":"diff","plan":"site","mode":"diff","steps":[` +
		`{"id":"a","type":"fake","status":"create","summary":"2 things","items":[{"op":"create","what":"file","name":"/x","bytes":3,"note":"n","old":"o","new":"p"}],"outputs":{"files":["x"],"id":null},"took":1.5},` +
		`{"id":"b","type":"fake","status":"failed","error":"boom","hint":"look"},` +
		`{"id":"c","type":"fake","status":"skipped","why":"needs b, which failed","blame":"b"}],` +
		`"items":1,"bytes":3,"summary":"1 to change, 0 unchanged, 1 failed, 1 skipped: 1 item, 3 B to move"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
