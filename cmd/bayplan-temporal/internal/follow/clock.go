package follow

import (
	"context"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
)

// A clock knows what time it is at the server, from the times that the server gives. It may be late,
// by how long the newest of them took to come here, and is never ahead.
type clock struct {
	ahead time.Duration // of the server's clock, at least
	known bool
}

// saw takes a time that the server has given, which is of the past there.
func (c *clock) saw(at time.Time) {
	if ahead := time.Until(at); at.Unix() > 0 && (!c.known || ahead > c.ahead) {
		c.ahead, c.known = ahead, true
	}
}

// now returns the time at the server.
func (c *clock) now() time.Time { return time.Now().Add(c.ahead) }

// TaskQueues are asked who takes tasks of a queue.
type TaskQueues interface {
	DescribeTaskQueue(ctx context.Context, queue string, kind enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error)
}

// workers returns the identities of the workers that have asked for steps of a site lately.
func (c *clock) workers(ctx context.Context, s TaskQueues, name string) ([]string, error) {
	queue, err := s.DescribeTaskQueue(ctx, flow.SiteQueue(name), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return nil, err
	}
	for _, p := range queue.GetPollers() {
		c.saw(p.GetLastAccessTime().AsTime())
	}
	var workers []string
	for _, p := range queue.GetPollers() {
		if c.now().Sub(p.GetLastAccessTime().AsTime()) < quietWorker {
			workers = append(workers, p.GetIdentity())
		}
	}
	slices.Sort(workers)
	return slices.Compact(workers), nil
}
