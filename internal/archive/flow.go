package archive

import (
	"fmt"
	"hash"
	"sync"
	"sync/atomic"
)

// A flow brings what is read to several workers, each of which works at its
// own pace in a goroutine of its own: while one waits for the disk or for a
// processor, the others go on, up to flowDepth chunks apart.
type flow struct {
	free  chan *chunk
	lines []chan step
	all   sync.WaitGroup

	failed chan struct{} // closed at the first error
	once   sync.Once
	err    error // to be read when failed is closed
}

// With less depth a machine that is busy with other things slows unpacking
// down many times: each time one worker waits for the other, both wait for
// their turn. All chunks together fit into a processor's cache; with larger
// ones the kernel takes several times as long to copy them.
const (
	chunkBytes = 128 << 10
	flowDepth  = 32
)

// A chunk is a piece of a file's content.
type chunk struct {
	buf   []byte // all of its room
	b     []byte // what is in it
	users atomic.Int32
}

// A step is one thing for a worker to do: to begin with an entry, to take a
// chunk of its content, to end it.
type step struct {
	kind  stepKind
	entry *passing
	chunk *chunk
}

type stepKind int

const (
	begin stepKind = iota
	take
	end
)

// A passing is an entry on its way, with the digests to come.
type passing struct {
	Entry
	sums []chan string
}

// A worker does something with every entry.
type worker interface{ do(s step) error }

// newFlow starts the workers.
func newFlow(workers ...worker) *flow {
	f := &flow{free: make(chan *chunk, flowDepth), failed: make(chan struct{})}
	for range flowDepth {
		f.free <- &chunk{}
	}
	for _, w := range workers {
		line := make(chan step, flowDepth)
		f.lines = append(f.lines, line)
		f.all.Go(func() { f.work(w, line) })
	}
	return f
}

// work has a worker do all steps of its line; once anything failed they are
// only taken off it.
func (f *flow) work(w worker, line <-chan step) {
	for s := range line {
		select {
		case <-f.failed:
		default:
			if err := safely(func() error { return w.do(s) })(); err != nil {
				f.fail(err)
			}
		}
		if s.chunk != nil && s.chunk.users.Add(-1) == 0 {
			f.free <- s.chunk
		}
	}
}

func (f *flow) fail(err error) {
	f.once.Do(func() {
		f.err = err
		close(f.failed)
	})
}

// send gives a step to all workers. It says whether there is any use in going on.
func (f *flow) send(s step) bool {
	select {
	case <-f.failed:
		return false
	default:
	}
	if s.chunk != nil {
		s.chunk.users.Store(int32(len(f.lines)))
	}
	for _, line := range f.lines {
		line <- s
	}
	return true
}

// room gives a chunk to read into. Chunks get their memory when they are
// first used: a small archive needs little.
func (f *flow) room(n int64) *chunk {
	c := <-f.free
	n = min(n, chunkBytes)
	if int64(cap(c.buf)) < n {
		c.buf = make([]byte, n)
	}
	c.b = c.buf[:n]
	return c
}

// close waits for the workers. It gives the first error there was.
func (f *flow) close() error {
	for _, line := range f.lines {
		close(line)
	}
	f.all.Wait()
	select {
	case <-f.failed:
		return f.err
	default:
		return nil
	}
}

// A summer is the worker that hashes every file.
type summer struct {
	hash hash.Hash
	at   int // of its digest in passing.sums
}

func (w *summer) do(s step) error {
	switch s.kind {
	case begin:
		w.hash.Reset()
	case take:
		w.hash.Write(s.chunk.b)
	case end:
		s.entry.sums[w.at] <- fmt.Sprintf("%x", w.hash.Sum(nil))
	}
	return nil
}
