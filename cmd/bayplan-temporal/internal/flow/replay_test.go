package flow

import (
	"testing"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// An open run ends by the workflow with which it began, whatever version of the program advances it
// then. A change that does not replay this history needs another name of the workflow, and keeps the
// old one beside it.
func TestReplay(t *testing.T) {
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflowWithOptions(Run, workflow.RegisterOptions{Name: WorkflowName})
	if err := r.ReplayWorkflowHistoryFromJSONFile(quiet{}, "testdata/run.v1.json"); err != nil {
		t.Error(err)
	}
}
