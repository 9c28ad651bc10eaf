// Package wire speaks with the server where the calls of the library do not fit thin lines and
// lines that break: they end after ten seconds. It reads the values of events as they were
// encoded, and knows neither plans nor steps.
package wire

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
)

// Long is how long one call may take that carries a large value. At 10 kbit/s it carries 2 MiB.
const Long = 30 * time.Minute

// retry is how long a call waits that is made again.
const retry = 2 * time.Second

// A Wire is a connection to the server.
type Wire struct {
	client.Client
	Namespace string
	Identity  string
	Keys      []string                   // the names of those that decrypt; the first one encrypts; none: nothing is encrypted
	Values    converter.DataConverter    // nil: the standard one
	Failures  converter.FailureConverter // nil: the standard one
}

func (w *Wire) values() converter.DataConverter {
	if w.Values == nil {
		return converter.GetDefaultDataConverter()
	}
	return w.Values
}

// Read reads one value.
func (w *Wire) Read(payloads *commonpb.Payloads, v any) error {
	return w.values().FromPayloads(payloads, v)
}

// Queues returns the task queues of the runs that can be advanced, that of new ones first.
func (w *Wire) Queues() []string {
	if len(w.Keys) == 0 {
		return []string{flow.Queue("")}
	}
	var queues []string
	for _, key := range w.Keys {
		queues = append(queues, flow.Queue(key))
	}
	return queues
}

// Reason returns the text of an error from the server.
func (w *Wire) Reason(f *failurepb.Failure) string {
	failures := w.Failures
	if failures == nil {
		failures = temporal.GetDefaultFailureConverter()
	}
	if f == nil {
		return ""
	}
	if f.GetEncodedAttributes() != nil {
		var attributes any
		if err := w.values().FromPayload(f.GetEncodedAttributes(), &attributes); err != nil {
			return err.Error()
		}
	}
	err := failures.FailureToError(f)
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}

// Start starts the workflow of a run. If one is open, the error is a
// *serviceerror.WorkflowExecutionAlreadyStarted.
func (w *Wire) Start(ctx context.Context, plan string, p *request.Packed) (workflow.Execution, error) {
	id := flow.WorkflowID(plan)
	input, err := w.values().ToPayloads(p.Head, p.Run, p.Bundle)
	if err != nil {
		return workflow.Execution{}, err
	}
	memo, err := w.values().ToPayload(p.Head.Digest())
	if err != nil {
		return workflow.Execution{}, err
	}
	request := rand.Text() // the same in each attempt, so that only one run begins
	began, err := again(ctx, func(ctx context.Context) (*workflowservice.StartWorkflowExecutionResponse, error) {
		return w.WorkflowService().StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{
			Namespace: w.Namespace, WorkflowId: id, WorkflowType: &commonpb.WorkflowType{Name: flow.WorkflowName},
			TaskQueue: &taskqueuepb.TaskQueue{Name: w.Queues()[0]}, Input: input, Identity: w.Identity, RequestId: request,
			WorkflowTaskTimeout:      durationpb.New(flow.TurnTime),
			WorkflowIdConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, WorkflowIdReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{flow.DigestMemo: memo}},
		})
	})
	return workflow.Execution{ID: id, RunID: began.GetRunId()}, err
}

// DigestOf returns the digest of a run from the memo of its workflow, "" if there is none that can
// be read.
func (w *Wire) DigestOf(memo *commonpb.Memo) (string, error) {
	payload := memo.GetFields()[flow.DigestMemo]
	if payload == nil {
		return "", nil
	}
	digest := ""
	return digest, w.values().FromPayload(payload, &digest)
}

// Began returns what a workflow began with. Only its first event is asked for: a page of the
// history with hundreds of events may be megabytes.
func (w *Wire) Began(ctx context.Context, of workflow.Execution) (*request.Packed, error) {
	page, err := again(ctx, func(ctx context.Context) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
		return w.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: w.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: of.ID, RunId: of.RunID}, MaximumPageSize: 1,
		})
	})
	if err != nil {
		return nil, fmt.Errorf("ask the server for the plan: %w", err)
	}
	events := page.GetHistory().GetEvents()
	if len(events) == 0 || events[0].GetWorkflowExecutionStartedEventAttributes() == nil {
		return nil, errors.New("the history does not begin with the start of a run")
	}
	p := &request.Packed{}
	if err := w.values().FromPayloads(events[0].GetWorkflowExecutionStartedEventAttributes().GetInput(), &p.Head, &p.Run, &p.Bundle); err != nil {
		return nil, fmt.Errorf("read the run: %w", err)
	}
	return p, nil
}

// Result asks a workflow for the packed Result of a step that has a digest, in pieces.
func (w *Wire) Result(ctx context.Context, of workflow.Execution, step, digest string) ([]byte, error) {
	var packed []byte
	for {
		piece, err := w.piece(ctx, of, flow.Wanted{Step: step, From: len(packed)})
		if err != nil {
			return nil, fmt.Errorf("ask the run for the outputs of step %s: %w", step, err)
		}
		packed = append(packed, piece.Data...)
		if len(packed) >= piece.Total {
			break
		}
		if len(piece.Data) == 0 || len(packed) > request.MaxPayload {
			return nil, fmt.Errorf("ask the run for the outputs of step %s: the answer ends after %d bytes of %d", step, len(packed), piece.Total)
		}
	}
	if sum := request.Digest(packed); sum != digest {
		return nil, fmt.Errorf("the outputs of step %s that the run gave have the digest %s, not %s", step, sum, digest)
	}
	return packed, nil
}

func (w *Wire) piece(ctx context.Context, of workflow.Execution, wanted flow.Wanted) (*flow.Piece, error) {
	args, err := w.values().ToPayloads(wanted)
	if err != nil {
		return nil, err
	}
	answer, err := again(ctx, func(ctx context.Context) (*workflowservice.QueryWorkflowResponse, error) {
		return w.WorkflowService().QueryWorkflow(ctx, &workflowservice.QueryWorkflowRequest{
			Namespace: w.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: of.ID, RunId: of.RunID},
			Query: &querypb.WorkflowQuery{QueryType: flow.ValuesQuery, QueryArgs: args},
		})
	})
	if err != nil {
		return nil, err
	}
	p := &flow.Piece{}
	return p, w.values().FromPayloads(answer.GetQueryResult(), p)
}

// Complete gives the server the result of an activity, and asks again until it has taken it: a
// line that is cut while a step ends loses nothing. The server knows the activity by its token. If
// the server has given the attempt up, the error is a *serviceerror.NotFound.
func (w *Wire) Complete(ctx context.Context, token, packed []byte) error {
	result, err := w.values().ToPayloads(packed)
	if err != nil {
		return err
	}
	_, err = again(ctx, func(ctx context.Context) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
		return w.WorkflowService().RespondActivityTaskCompleted(ctx, &workflowservice.RespondActivityTaskCompletedRequest{
			TaskToken: token, Result: result, Identity: w.Identity, Namespace: w.Namespace,
		})
	})
	return err
}

// again makes a call until the server has answered it, or ctx ends.
func again[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	for {
		calling, cancel := context.WithTimeout(ctx, Long)
		answer, err := call(calling)
		cancel()
		if err == nil || !lost(err) || ctx.Err() != nil {
			return answer, err
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return answer, context.Cause(ctx)
		}
	}
}

// lost reports whether an error says that the server was not reached or could not answer, so that
// the same call may succeed later.
func lost(err error) bool {
	var (
		unavailable *serviceerror.Unavailable
		deadline    *serviceerror.DeadlineExceeded
		exhausted   *serviceerror.ResourceExhausted
		nobody      *serviceerror.FailedPrecondition // no worker answers queries
	)
	return errors.As(err, &unavailable) || errors.As(err, &deadline) || errors.As(err, &exhausted) || errors.As(err, &nobody) ||
		errors.Is(err, context.DeadlineExceeded)
}
