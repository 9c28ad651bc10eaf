package wire

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
)

// A server answers the calls of a Wire. The first calls are lost.
type server struct {
	workflowservice.WorkflowServiceClient
	lost    int
	began   *workflowservice.StartWorkflowExecutionRequest
	ids     map[string]bool // of requests to start
	results [][]byte
	gone    error
	outputs []byte
	pages   []int32
}

// A library is the client of a server.
type library struct {
	client.Client
	server *server
}

// WorkflowService implements client.Client.
func (l library) WorkflowService() workflowservice.WorkflowServiceClient { return l.server }

func (s *server) answer() error {
	if s.lost > 0 {
		s.lost--
		return serviceerror.NewUnavailable("the line is cut")
	}
	return s.gone
}

func (s *server) StartWorkflowExecution(_ context.Context, in *workflowservice.StartWorkflowExecutionRequest, _ ...grpc.CallOption) (*workflowservice.StartWorkflowExecutionResponse, error) {
	s.began = in
	if s.ids == nil {
		s.ids = map[string]bool{}
	}
	s.ids[in.GetRequestId()] = true
	return &workflowservice.StartWorkflowExecutionResponse{RunId: "r"}, s.answer()
}

func (s *server) GetWorkflowExecutionHistory(_ context.Context, in *workflowservice.GetWorkflowExecutionHistoryRequest, _ ...grpc.CallOption) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	s.pages = append(s.pages, in.GetMaximumPageSize())
	began := &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: s.began.GetInput()},
	}}
	return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: []*historypb.HistoryEvent{began}}}, s.answer()
}

func (s *server) QueryWorkflow(_ context.Context, in *workflowservice.QueryWorkflowRequest, _ ...grpc.CallOption) (*workflowservice.QueryWorkflowResponse, error) {
	if err := s.answer(); err != nil {
		return nil, err
	}
	var w flow.Wanted
	if err := converter.GetDefaultDataConverter().FromPayloads(in.GetQuery().GetQueryArgs(), &w); err != nil {
		return nil, err
	}
	p := flow.Piece{Total: len(s.outputs), Data: s.outputs[w.From:min(len(s.outputs), w.From+10)]}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(p)
	return &workflowservice.QueryWorkflowResponse{QueryResult: payloads}, err
}

func (s *server) RespondActivityTaskCompleted(_ context.Context, in *workflowservice.RespondActivityTaskCompletedRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
	if err := s.answer(); err != nil {
		return nil, err
	}
	var b []byte
	err := converter.GetDefaultDataConverter().FromPayloads(in.GetResult(), &b)
	s.results = append(s.results, b)
	return &workflowservice.RespondActivityTaskCompletedResponse{}, err
}

func newWire(s *server) *Wire { return &Wire{Client: library{server: s}, Namespace: "default"} }

// A line that is cut for a while loses no call, and no call is done twice.
func TestLostCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{lost: 3, outputs: bytes.Repeat([]byte("0123456789"), 5)}
		w := newWire(s)
		p, err := request.NewPacked("v1", &request.Run{Plan: "p"}, &request.Bundle{Plan: "p", File: "f", Files: map[string][]byte{"f": nil}})
		if err != nil {
			t.Fatal(err)
		}
		of, err := w.Start(t.Context(), "p", p)
		if err != nil || of.ID != flow.WorkflowID("p") || of.RunID != "r" || len(s.ids) != 1 {
			t.Fatalf("%v: %v, requests %v", err, of, s.ids)
		}
		if digest, err := w.DigestOf(s.began.GetMemo()); err != nil || digest != p.Head.Digest() {
			t.Errorf("%v: digest %s", err, digest)
		}
		s.lost = 2
		began, err := w.Began(t.Context(), of)
		if err != nil || began.Head != p.Head || !bytes.Equal(began.Run, p.Run) || !bytes.Equal(began.Bundle, p.Bundle) || s.pages[0] != 1 {
			t.Errorf("%v: %v, pages of %d", err, began, s.pages)
		}
		s.lost = 2
		if got, err := w.Result(t.Context(), of, "a", request.Digest(s.outputs)); err != nil || !bytes.Equal(got, s.outputs) {
			t.Errorf("%v: %s", err, got)
		}
		s.lost = 2
		if err := w.Complete(t.Context(), []byte("token"), []byte("result")); err != nil || len(s.results) != 1 || string(s.results[0]) != "result" {
			t.Errorf("%v: %q", err, s.results)
		}
	})
}

// What the server refuses is not asked again, and outputs of another digest are not taken.
func TestRefusedCalls(t *testing.T) {
	s := &server{gone: serviceerror.NewNotFound("no such activity"), outputs: []byte("x")}
	if err := newWire(s).Complete(t.Context(), nil, nil); !errors.As(err, new(*serviceerror.NotFound)) {
		t.Errorf("got %v", err)
	}
	s.gone = nil
	if _, err := newWire(s).Result(t.Context(), workflow.Execution{}, "a", "sha256:0"); err == nil || !strings.Contains(err.Error(), "not sha256:0") {
		t.Errorf("got %v", err)
	}
	s.outputs = nil
	if _, err := newWire(s).Result(t.Context(), workflow.Execution{}, "a", "sha256:0"); err == nil {
		t.Error("no error")
	}
	if digest, err := newWire(s).DigestOf(&commonpb.Memo{}); digest != "" || err != nil {
		t.Errorf("got %q, %v", digest, err)
	}
}
