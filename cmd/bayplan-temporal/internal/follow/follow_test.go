package follow

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/wire"
	"github.com/bayplan/bayplan/runner"
)

// A server has a run that is followed. Its clock is another than that of this host.
type server struct {
	client.Client
	skew    time.Duration
	pollers map[string]time.Duration // by queue: how long ago it was asked for tasks last
	pending *workflowservice.DescribeWorkflowExecutionResponse
	gone    bool
}

func (s *server) now() time.Time { return time.Now().Add(s.skew) }

// DescribeTaskQueue implements client.Client.
func (s *server) DescribeTaskQueue(_ context.Context, queue string, _ enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	r := &workflowservice.DescribeTaskQueueResponse{}
	if ago, ok := s.pollers[queue]; ok {
		r.Pollers = append(r.Pollers, &taskqueuepb.PollerInfo{Identity: "worker of " + queue, LastAccessTime: timestamppb.New(s.now().Add(-ago))})
	}
	return r, nil
}

// DescribeWorkflowExecution implements client.Client.
func (s *server) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if s.gone {
		return nil, serviceerror.NewNotFound("no such run")
	}
	return s.pending, nil
}

// following is a Follower with what it has shown.
func following(s *server, steps ...request.Step) (f *Follower, events *[]runner.Event, told *[]string) {
	events, told = &[]runner.Event{}, &[]string{}
	f = &Follower{
		Server: &wire.Wire{Client: s}, Run: &request.Run{Steps: steps, Patience: time.Hour, Silence: time.Minute}, Version: "v1",
		Observe: func(e runner.Event) { *events = append(*events, e) },
		Tell:    func(line string) { *told = append(*told, line) },
	}
	f.prepare()
	return f, events, told
}

// payloads are one value as it travels.
func payloads(t *testing.T, v any) *commonpb.Payloads {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayloads(v)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// scheduled and completed are the events of a step.
func scheduled(id int64, step string, at time.Time) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: id, EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, EventTime: timestamppb.New(at), Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
		ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{ActivityId: step},
	}}
}

func completed(id, of int64, result *commonpb.Payloads) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: id, EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
		ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{ScheduledEventId: of, Result: result},
	}}
}

func over(id int64, o *commonpb.Payloads) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventId: id, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
		WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: o},
	}}
}

// take takes events, and fails the test on an error.
func take(t *testing.T, f *Follower, events ...*historypb.HistoryEvent) {
	t.Helper()
	for _, e := range events {
		if err := f.take(e); err != nil {
			t.Fatal(err)
		}
	}
}

func ended(step string, status runner.Status, as runner.Status) *flow.Result {
	return &flow.Result{Version: "v1", Status: status, Events: []runner.Event{{Kind: runner.StepEnd, Step: step, Status: as}}}
}

// What a site sends that makes no sense ends neither the view nor the run: its step has failed, as the
// workflow says.
func TestResults(t *testing.T) {
	pack := func(r *flow.Result) []byte {
		b, err := request.Pack(r)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, tt := range map[string]struct {
		packed []byte
		ending *flow.Ending
		want   runner.Status
	}{
		"right":                     {pack(ended("a", runner.Changed, runner.Changed)), nil, runner.Changed},
		"no gzip":                   {[]byte("x"), &flow.Ending{ID: "a", Status: runner.Failed, Why: "w"}, runner.Failed},
		"another step":              {pack(ended("b", runner.Changed, runner.Changed)), &flow.Ending{ID: "a", Status: runner.Failed, Why: "w"}, runner.Failed},
		"another status":            {pack(ended("a", runner.Failed, runner.Changed)), &flow.Ending{ID: "a", Status: runner.Failed, Why: "w"}, runner.Failed},
		"stopped without a cancel":  {pack(ended("a", runner.Interrupted, runner.Interrupted)), &flow.Ending{ID: "a", Status: runner.Failed, Why: "w"}, runner.Failed},
		"stopped, with one":         {pack(ended("a", runner.Interrupted, runner.Interrupted)), nil, runner.Interrupted},
		"the run has the last word": {pack(ended("a", runner.Changed, runner.Changed)), &flow.Ending{ID: "a", Status: runner.Failed, Why: "w"}, runner.Changed},
	} {
		t.Run(name, func(t *testing.T) {
			f, events, _ := following(&server{}, request.Step{ID: "a", Site: "s"}, request.Step{ID: "b", Site: "s"})
			o := &flow.Outcome{Endings: []flow.Ending{{ID: "b", Status: runner.Skipped}}}
			if tt.ending != nil {
				o.Endings = append(o.Endings, *tt.ending)
			}
			take(t, f, scheduled(1, "a", time.Now()), completed(2, 1, payloads(t, tt.packed)), over(3, payloads(t, o)))
			report := f.report()
			if got := report.Step("a").Status; got != tt.want || !f.over {
				t.Errorf("got %s", got)
			}
			ends := 0
			for _, e := range *events {
				if e.Kind == runner.StepEnd && e.Step == "a" {
					ends++
				}
			}
			if ends != 1 {
				t.Errorf("step a has %d ends: %v", ends, *events)
			}
		})
	}
}

// Who waits is told of, by the server's times. A site is not silent while its worker does other steps.
func TestWaiting(t *testing.T) {
	const silent, idle = "site s: no worker asks for its steps; the run waits for one up to 1h0m0s", "site s: its worker has not taken a step for 2m0s"
	for name, tt := range map[string]struct {
		pollers map[string]time.Duration
		waits   time.Duration
		busy    bool
		ended   time.Duration // before now; 0: nothing has
		want    []string
	}{
		"no worker":                   {waits: 10 * time.Second, want: []string{silent}},
		"not yet":                     {waits: 2 * time.Second},
		"a worker that has gone":      {pollers: map[string]time.Duration{"bayplan-site-s": 10 * time.Minute}, waits: 10 * time.Second, want: []string{silent}},
		"a worker":                    {pollers: map[string]time.Duration{"bayplan-site-s": time.Second}, waits: 10 * time.Second},
		"a worker that takes nothing": {pollers: map[string]time.Duration{"bayplan-site-s": time.Second}, waits: 2 * time.Minute, want: []string{idle}},
		"a busy worker":               {pollers: map[string]time.Duration{"bayplan-site-s": time.Second}, waits: 2 * time.Hour, busy: true},
		"one that has ended a step":   {pollers: map[string]time.Duration{"bayplan-site-s": time.Second}, waits: 2 * time.Hour, ended: time.Minute},
	} {
		for skewName, skew := range map[string]time.Duration{"right clock": 0, "ahead": 10 * time.Minute, "behind": -10 * time.Minute} {
			t.Run(name+", "+skewName, func(t *testing.T) {
				s := &server{skew: skew, pollers: tt.pollers, pending: &workflowservice.DescribeWorkflowExecutionResponse{}}
				f, _, told := following(s, request.Step{ID: "a", Site: "s"}, request.Step{ID: "b", Site: "s"}, request.Step{ID: "c", Site: "s"})
				take(t, f, scheduled(1, "a", s.now().Add(-tt.waits)), scheduled(2, "b", s.now().Add(-tt.waits)))
				if tt.ended > 0 {
					e := completed(3, 2, payloads(t, []byte("x")))
					e.EventTime = timestamppb.New(s.now().Add(-tt.ended))
					take(t, f, e)
				}
				f.clock.saw(s.now())
				s.pending.PendingActivities = []*workflowpb.PendingActivityInfo{{ActivityId: "a", State: enumspb.PENDING_ACTIVITY_STATE_SCHEDULED}}
				if tt.busy {
					s.pending.PendingActivities = append(s.pending.PendingActivities, &workflowpb.PendingActivityInfo{ActivityId: "b", State: enumspb.PENDING_ACTIVITY_STATE_STARTED, LastStartedTime: timestamppb.New(s.now().Add(-time.Hour))})
				}
				f.look(t.Context())
				f.look(t.Context())
				if diff := cmp.Diff(*told, append([]string{}, tt.want...)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// A run that no worker can advance is told, and why.
func TestStuck(t *testing.T) {
	s := &server{pending: &workflowservice.DescribeWorkflowExecutionResponse{PendingWorkflowTask: &workflowpb.PendingWorkflowTaskInfo{Attempt: manyTurns + 1}}}
	f, _, told := following(s)
	failed := func(id int64, why *failurepb.Failure) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{EventId: id, EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, Attributes: &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{
			WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{Identity: "run on h (1)", Failure: why},
		}}
	}
	take(t, f, failed(1, nil), failed(2, &failurepb.Failure{Message: "form 2"}), failed(3, &failurepb.Failure{Message: "form 2"}))
	f.look(t.Context())
	f.look(t.Context())
	if diff := cmp.Diff(*told, []string{"run on h (1) could not advance the run, which is tried again: form 2", stuckText}); diff != "" {
		t.Error(diff)
	}
	s.gone = true
	f.look(t.Context())
	if !f.over || f.failure == nil || !strings.Contains(f.failure.Error(), "the server does not know the run any more") {
		t.Error(f.failure)
	}
}

// A worker of another version is told once.
func TestVersions(t *testing.T) {
	f, _, told := following(&server{}, request.Step{ID: "a", Site: "s"}, request.Step{ID: "b", Site: "s"})
	for i, id := range []string{"a", "b"} {
		r := ended(id, runner.Changed, runner.Changed)
		r.Version = "v2"
		b, err := request.Pack(r)
		if err != nil {
			t.Fatal(err)
		}
		take(t, f, scheduled(int64(2*i+1), id, time.Now()), completed(int64(2*i+2), int64(2*i+1), payloads(t, b)))
	}
	if diff := cmp.Diff(*told, []string{"the worker of site s has version v2, and the run was started by version v1"}); diff != "" {
		t.Error(diff)
	}
}
