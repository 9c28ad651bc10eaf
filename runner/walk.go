package runner

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// A walk brings nodes to be done, each after those before it, at most parallel
// at once. It knows what is ready and nothing of what doing means.
//
// One goroutine, the one that called run, owns all of it and alone calls the
// book. What is done beside it only reports over a channel.
type walk struct {
	parallel int
	handler  handler

	ready    []*Node         // in order
	blocked  []*Node         // in order, not yet ready
	waitsFor map[string]int  // of how many nodes each one left still waits
	nodes    map[string]bool // ids of all that the walk is about
}

// A handler decides and keeps what a walk is about.
type handler interface {
	// begin says what there is to do for a node. The work runs in a goroutine
	// of its own; note brings something to the book while it runs.
	startNode(n *Node) work
	// noted is told what a running work noted.
	onNote(n *Node, what any)
	// ended is told what a work gave, and says whether what waits for the node
	// may go on.
	onEnd(n *Node, res result) bool
	// dropped is told of a node that will not begin: because of blame, or
	// because the run ends when that is nil.
	onDrop(n *Node, blame *Node)
	// ticked is called every second.
	onTick()
}

// A work does what there is to do for one node. note blocks until the walk
// took what; once the work has returned it does nothing.
type work func(ctx context.Context, note func(what any)) result

// A message is what comes to the walk from a running work: a note or its end.
type message struct {
	node  *Node
	note  any
	ended bool
	res   result
}

// newWalk makes a walk over nodes, which are in order. A node waits for all
// nodes of the walk before it, also by way of others that are not in it.
func newWalk(nodes []*Node, parallel int, b handler) *walk {
	w := &walk{parallel: max(parallel, 1), handler: b, waitsFor: map[string]int{}, nodes: map[string]bool{}}
	for _, n := range nodes {
		w.nodes[n.ID()] = true
	}
	for _, n := range nodes {
		for id := range n.ancestors {
			if w.nodes[id] {
				w.waitsFor[n.ID()]++
			}
		}
	}
	w.blocked = nodes
	w.release()
	return w
}

// run does it all. When ctx ends nothing new begins and the works that run are
// waited for. It returns when no goroutine of it is left.
func (w *walk) run(ctx context.Context) {
	var g errgroup.Group
	reports, over := make(chan message), make(chan struct{})
	tick := time.NewTicker(time.Second)
	defer tick.Stop()

	// The number is bounded here and not by errgroup's limit: a goroutine that
	// has sent its end still counts there for a moment, and nobody would look
	// again after that moment.
	for running := 0; ; {
		for running < w.parallel && len(w.ready) > 0 && ctx.Err() == nil {
			n := w.ready[0]
			w.ready = w.ready[1:]
			do := w.handler.startNode(n)
			running++
			g.Go(func() error {
				r := message{node: n, ended: true, res: result{status: Failed, err: errGone}}
				defer func() { reports <- r }() // also when the work ended its goroutine
				r.res = runWork(ctx, n, do, reports, over)
				return nil
			})
		}
		if running == 0 {
			break
		}
		select {
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

// runWork runs one work. What it notes goes to the walk while that listens.
func runWork(ctx context.Context, n *Node, do work, reports chan<- message, over <-chan struct{}) result {
	returned := make(chan struct{})
	defer close(returned)
	return do(ctx, func(what any) {
		select {
		case <-returned: // a straggler of a work that has ended
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
			if n.After(r.node.ID()) {
				w.waitsFor[n.ID()]--
			}
		}
		w.release()
	default:
		w.dropAfter(r.node)
	}
}

// release moves to ready what waits for nothing any more.
func (w *walk) release() {
	w.keepBlocked(func(n *Node) bool {
		if w.waitsFor[n.ID()] > 0 {
			return true
		}
		w.ready = append(w.ready, n)
		return false
	})
}

// dropAfter drops all that comes after a node that failed.
func (w *walk) dropAfter(blame *Node) {
	w.keepBlocked(func(n *Node) bool {
		if !n.After(blame.ID()) {
			return true
		}
		w.handler.onDrop(n, blame)
		return false
	})
}

// dropRest drops what did not begin before the run was interrupted.
func (w *walk) dropRest() {
	for _, n := range append(w.ready, w.blocked...) {
		w.handler.onDrop(n, nil)
	}
	w.ready, w.blocked = nil, nil
}

// keepBlocked keeps of left those for which keep holds.
func (w *walk) keepBlocked(keep func(*Node) bool) {
	var left []*Node
	for _, n := range w.blocked {
		if keep(n) {
			left = append(left, n)
		}
	}
	w.blocked = left
}
