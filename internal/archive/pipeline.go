package archive

import (
	"fmt"
	"hash"
	"sync"
	"sync/atomic"
)

// A pipeline sends the entries of an archive to several workers. Each worker has
// its own goroutine: while one waits for the disk or for a processor, the others
// go on, up to pipelineDepth chunks ahead.
type pipeline struct {
	free    chan *chunk
	queues  []chan event
	running sync.WaitGroup

	failed chan struct{} // closed at the first error
	once   sync.Once
	err    error // valid once failed is closed
}

// A smaller depth makes unpacking on a busy machine many times slower: each time
// one worker waits for another, both also wait for a processor. All chunks
// together fit into a processor's cache; the kernel takes several times as long
// to copy larger ones.
const (
	chunkBytes    = 128 << 10
	pipelineDepth = 32
)

// A chunk is a piece of a file's content.
type chunk struct {
	buf   []byte // the whole buffer
	b     []byte // the content in it
	users atomic.Int32
}

// An event is one unit of work for a worker: the beginning of an entry, a chunk
// of its content, or its end.
type event struct {
	kind  eventKind
	entry *pendingEntry
	chunk *chunk
}

type eventKind int

const (
	entryBegin eventKind = iota
	entryData
	entryEnd
)

// A pendingEntry is an entry whose digests are still being computed.
type pendingEntry struct {
	Entry
	sums []chan string
}

// A worker handles the events of all entries, in order.
type worker interface{ do(s event) error }

// newPipeline starts the workers.
func newPipeline(workers ...worker) *pipeline {
	p := &pipeline{free: make(chan *chunk, pipelineDepth), failed: make(chan struct{})}
	for range pipelineDepth {
		p.free <- &chunk{}
	}
	for _, w := range workers {
		queue := make(chan event, pipelineDepth)
		p.queues = append(p.queues, queue)
		p.running.Go(func() { p.work(w, queue) })
	}
	return p
}

// work passes the events of a queue to a worker. After a failure of any worker
// it only drains the queue.
func (p *pipeline) work(w worker, queue <-chan event) {
	for s := range queue {
		select {
		case <-p.failed:
		default:
			if err := recoverPanic(func() error { return w.do(s) })(); err != nil {
				p.fail(err)
			}
		}
		if s.chunk != nil && s.chunk.users.Add(-1) == 0 {
			p.free <- s.chunk
		}
	}
}

func (p *pipeline) fail(err error) {
	p.once.Do(func() {
		p.err = err
		close(p.failed)
	})
}

// send sends an event to all workers. It returns false after a failure.
func (p *pipeline) send(s event) bool {
	select {
	case <-p.failed:
		return false
	default:
	}
	if s.chunk != nil {
		s.chunk.users.Store(int32(len(p.queues)))
	}
	for _, queue := range p.queues {
		queue <- s
	}
	return true
}

// chunk waits for a free chunk and returns it with room for up to n bytes.
// Chunks are allocated on first use, so a small archive needs little memory.
func (p *pipeline) chunk(n int64) *chunk {
	c := <-p.free
	n = min(n, chunkBytes)
	if int64(cap(c.buf)) < n {
		c.buf = make([]byte, n)
	}
	c.b = c.buf[:n]
	return c
}

// close waits for the workers and returns the first error.
func (p *pipeline) close() error {
	for _, queue := range p.queues {
		close(queue)
	}
	p.running.Wait()
	select {
	case <-p.failed:
		return p.err
	default:
		return nil
	}
}

// A hasher is the worker that computes one digest of every file.
type hasher struct {
	hash  hash.Hash
	index int // of its digest in passing.sums
}

func (w *hasher) do(s event) error {
	switch s.kind {
	case entryBegin:
		w.hash.Reset()
	case entryData:
		w.hash.Write(s.chunk.b)
	case entryEnd:
		s.entry.sums[w.index] <- fmt.Sprintf("%x", w.hash.Sum(nil))
	}
	return nil
}
