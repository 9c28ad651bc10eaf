package flow

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/bayplan/bayplan/internal/human"
)

// What a workflow asks of the server, by the standard limits of Temporal (dynamicconfig of its
// server): 2,000 pending activities, 4 MiB for all that one turn of the workflow begins, 51,200
// events and 50 MiB of history. Beyond the first limit turns fail for ever; beyond the others the
// server ends the run.
const (
	maxPending = 1000     // activities
	maxTurn    = 1 << 20  // bytes
	maxEvents  = 45_000   // leaves room for the ends of maxPending activities
	maxHistory = 44 << 20 // bytes, likewise

	// perTask is what an activity counts beside its input: 256 begin in one turn at most, or the
	// turn might take too long on a slow host.
	perTask = 4 << 10
)

// How many bytes of outputs go with tasks: with one, and with all of a run. Others are asked for by
// the worker, or each of them would be in the history once a site.
const (
	maxInline = 16 << 10
	maxGiven  = 4 << 20 // request.Build counts with it
)

// pause is how long the workflow waits after a turn that was full.
const pause = time.Second

// How long one turn may take: for its computing, and with the way to the server and back.
const (
	ComputeTime = 20 * time.Second
	TurnTime    = time.Minute
)

// A hold says how many steps may begin. A site gets its share of them: what a silent site has not
// taken keeps no other from beginning.
type hold struct {
	running int
	sites   map[string]int // that run, or wait to be taken
	left    map[string]int // steps that have not ended
	sent    int            // bytes since the last pause
	given   int            // bytes of outputs in this run
	pausing bool
	now     int // counts beginnings and ends
}

func newHold(steps []*step) hold {
	h := hold{sites: map[string]int{}, left: map[string]int{}}
	for _, s := range steps {
		h.left[s.Site]++
	}
	return h
}

// has reports whether a site may get another step.
func (h *hold) has(site string) bool {
	return h.sites[site] < max(1, maxPending/max(1, len(h.left)))
}

// begin counts a step that begins, with so many bytes.
func (h *hold) begin(s *step, size int) {
	h.running++
	h.sites[s.Site]++
	h.again(s, size)
}

// again counts another attempt of a step.
func (h *hold) again(s *step, size int) {
	h.sent += perTask + size
	h.now++
	s.begun, s.untaken = h.now, false
}

// end counts a step that has begun, and is over.
func (h *hold) end(s *step) {
	h.running--
	h.sites[s.Site]--
	h.now++
	s.over = h.now
}

// ended counts a step that has ended, begun or not.
func (h *hold) ended(s *step) {
	if h.left[s.Site]--; h.left[s.Site] == 0 {
		delete(h.left, s.Site)
	}
}

// pause waits until the next turn, if the steps of this one are too large together.
func (r *run) pause(ctx workflow.Context) {
	h := &r.hold
	if h.sent < maxTurn || h.pausing {
		return
	}
	h.pausing = true
	workflow.Go(ctx, func(ctx workflow.Context) {
		_ = workflow.Sleep(ctx, pause) // start looks whether the run was cancelled
		h.sent, h.pausing = 0, false
		r.done.Send(ctx, &step{})
	})
}

// full says why a run can begin no further step, "" if it can.
func full(ctx workflow.Context) string {
	info := workflow.GetInfo(ctx)
	events, size := info.GetCurrentHistoryLength(), info.GetCurrentHistorySize()
	if events < maxEvents && size < maxHistory {
		return ""
	}
	return fmt.Sprintf("the run has %d events and %s at the server, and more than that is too much for one run: run the plan again, and what is done is found done", events, human.Size(int64(size)))
}
