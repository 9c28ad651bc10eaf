package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/dag"
)

// A walk starts the work of nodes, each after the nodes before it, at most parallel
// at once. It knows which nodes are ready, and not what their work is.
//
// The goroutine that called run owns the walk and is the only one that calls the
// handler. The works run beside it and only send messages over a channel.
type walk struct {
	parallel int
	handler  handler
	orders   <-chan order // of a Session, else nil

	ready    []*Node // in order
	blocked  []*Node // in order, not yet ready
	waitsFor []int   // for how many nodes each blocked one waits, by its place
}

// A handler supplies the work of each node and keeps the results.
type handler interface {
	// startNode returns the work of a node. The work runs in a goroutine of its own,
	// and its notes come to onNote.
	startNode(n *Node) work
	// onNote takes a note of a running work.
	onNote(n *Node, what any)
	// onEnd takes the result of a work. It reports whether the nodes that wait for
	// this one may start.
	onEnd(n *Node, res result) bool
	// onDrop takes a node that will not start: because blame failed or, if blame is
	// nil, because the run ends.
	onDrop(n *Node, blame *Node)
	// onTick is called every second.
	onTick()
}

// A work does the work of one node. note blocks until the walk has taken the note.
// Once the work has returned, note does nothing.
type work func(ctx context.Context, note func(what any)) result

// A message comes to the walk from a running work: a note or its end.
type message struct {
	node  *Node
	note  any
	ended bool
	res   result
}

// newWalk makes a walk over nodes, which must be in order. A node waits for all nodes
// of the walk that are before it, even if only nodes outside the walk connect them.
func newWalk(nodes []*Node, parallel int, h handler) *walk {
	w := &walk{parallel: max(parallel, 1), handler: h}
	var chosen dag.Set
	for _, n := range nodes {
		chosen = chosen.With(n.place)
	}
	w.waitsFor = make([]int, 64*len(chosen))
	for _, n := range nodes {
		w.waitsFor[n.place] = n.ancestors.Common(chosen)
	}
	w.blocked = slices.Clone(nodes)
	w.release()
	return w
}

// run walks all nodes. When ctx ends, it starts no more nodes and waits for the works
// that run. It returns when none of its goroutines is left.
func (w *walk) run(ctx context.Context) {
	var g errgroup.Group
	reports, over := make(chan message), make(chan struct{})
	tick := time.NewTicker(time.Second)
	defer tick.Stop()

	// This loop bounds the number of works, not errgroup's limit: a goroutine that has
	// sent its end still counts there for a moment, and nothing would make the loop
	// look again after that moment.
	running := 0
	start := func(ctx context.Context, n *Node, do work) {
		running++
		g.Go(func() error {
			r := message{node: n, ended: true, res: result{status: Failed, err: errGone}}
			defer func() { reports <- r }() // also if the work ended its goroutine
			r.res = runWork(ctx, n, do, reports, over)
			return nil
		})
	}
	for {
		for running < w.parallel && len(w.ready) > 0 && ctx.Err() == nil {
			n := w.ready[0]
			w.ready = w.ready[1:]
			start(ctx, n, w.handler.startNode(n))
		}
		if running == 0 && w.orders == nil {
			break
		}
		select {
		case o, more := <-w.orders:
			if !more {
				w.orders = nil
				break
			}
			if do := o.start(); do != nil {
				start(o.ctx, o.node, do)
			}
		case r := <-reports:
			if r.ended {
				running--
			}
			w.handle(r)
		case <-tick.C:
			w.handler.onTick()
		}
	}
	close(over)
	_ = g.Wait() // its functions give no errors
	w.dropRest()
}

// errGone can only be seen in tests, where a fake step may call FailNow.
var errGone = errors.New("its goroutine ended without a result")

// runWork runs one work and sends its notes to the walk as long as the walk listens.
func runWork(ctx context.Context, n *Node, do work, reports chan<- message, over <-chan struct{}) result {
	returned := make(chan struct{})
	defer close(returned)
	return do(ctx, func(what any) {
		select {
		case <-returned: // a late note of a work that has ended
			return
		default:
		}
		select {
		case reports <- message{node: n, note: what}:
		case <-returned:
		case <-over:
		}
	})
}

func (w *walk) handle(r message) {
	switch {
	case !r.ended:
		w.handler.onNote(r.node, r.note)
	case w.handler.onEnd(r.node, r.res):
		for _, n := range w.blocked {
			if n.after(r.node) {
				w.waitsFor[n.place]--
			}
		}
		w.release()
	default:
		w.dropAfter(r.node)
	}
}

// release moves the nodes that wait for nothing any more to ready.
func (w *walk) release() {
	w.keepBlocked(func(n *Node) bool {
		if w.waitsFor[n.place] > 0 {
			return true
		}
		w.ready = append(w.ready, n)
		return false
	})
}

// dropAfter drops all nodes after one that failed.
func (w *walk) dropAfter(blame *Node) {
	w.keepBlocked(func(n *Node) bool {
		if !n.after(blame) {
			return true
		}
		w.handler.onDrop(n, blame)
		return false
	})
}

// dropRest drops the nodes that did not start before the run was interrupted.
func (w *walk) dropRest() {
	for _, n := range append(w.ready, w.blocked...) {
		w.handler.onDrop(n, nil)
	}
	w.ready, w.blocked = nil, nil
}

// keepBlocked keeps the blocked nodes for which keep is true.
func (w *walk) keepBlocked(keep func(*Node) bool) {
	w.blocked = slices.DeleteFunc(w.blocked, func(n *Node) bool { return !keep(n) })
}
