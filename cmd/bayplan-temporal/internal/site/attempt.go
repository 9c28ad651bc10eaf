package site

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/runner"
)

// beats is how often a worker says that it works on a step, in the time after which a silent one is
// given up: so often that some may be lost, and so seldom that a server bears hundreds of sites.
const beats = 20

// An attempt is one attempt of a step, from its first moment.
type attempt struct {
	cancel context.CancelCauseFunc
	over   chan struct{} // closed when it works no more
	number int           // in the order in which they came
	next   *attempt      // that waits until this one is over

	mu     sync.Mutex // the heart beats in a goroutine of its own
	now    flow.Beat
	events []runner.Event
}

// errSuperseded is why a step is stopped when the server has given its attempt up.
var errSuperseded = errors.New("another attempt of the step has begun")

func (s *Site) newAttempt(cancel context.CancelCauseFunc) *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived++
	return &attempt{cancel: cancel, over: make(chan struct{}), number: s.arrived}
}

// supersede stops earlier attempts of the same step, which the server has given up, and waits
// until the one that works is over: two would undo each other's work. One that waits itself is
// replaced at once.
func (s *Site) supersede(ctx context.Context, key string, me *attempt) error {
	for {
		s.mu.Lock()
		if s.attempts == nil {
			s.attempts = map[string]*attempt{}
		}
		works := s.attempts[key]
		switch {
		case works == nil:
			s.attempts[key] = me
			s.mu.Unlock()
			return nil
		case works.number > me.number, works.next != nil && works.next.number > me.number:
			s.mu.Unlock()
			return errSuperseded
		case works.next != nil && works.next != me:
			works.next.cancel(errSuperseded)
		}
		works.next = me
		s.mu.Unlock()
		works.cancel(errSuperseded)
		select {
		case <-works.over:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Site) finish(key string, me *attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.attempts, key)
	close(me.over)
}

// observe takes an event of the step.
func (a *attempt) observe(e runner.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch e.Kind {
	case runner.StepChange:
		a.now = flow.Beat{Items: e.Items, Total: e.Total, Summary: e.Message}
	case runner.ItemDone:
		a.now.Done++
		return
	case runner.Ticked:
		a.now.Bytes = e.Bytes
		return
	}
	a.events = append(a.events, e)
}

// beat tells the server how far the step is until the function that it returns is called. A server
// that hears nothing gives the attempt up; one that has given it up says so in its answer, which
// ends ctx.
func (a *attempt) beat(ctx context.Context) (stop func()) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(max(time.Second, activity.GetInfo(ctx).HeartbeatTimeout/beats))
		defer tick.Stop()
		for {
			a.mu.Lock()
			now := a.now
			a.mu.Unlock()
			activity.RecordHeartbeat(ctx, now)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-over }
}
