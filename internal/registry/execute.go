package registry

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// Options are for Execute.
type Options struct {
	Parallel int                // large blobs that move at a time; 0: 8
	Moved    func(n int64)      // gets the number of bytes from a source; called by many goroutines
	Done     func(e *ImagePlan) // gets each image that is complete or has failed
}

// DefaultParallel is the number of blobs that move at a time. While a registry
// waits for its disk at the end of one blob, the others go on.
const DefaultParallel = 8

// Execute carries out a plan. Each blob is read once from a source, and other
// repositories mount it. The manifests of an image follow after its last blob,
// its tag last of all. A failure stays inside its image. Each destination gets its
// images at its own speed. The error holds all causes. After an error, make a new plan.
func (c *Client) Execute(ctx context.Context, t *TransferPlan, o Options) error {
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel
	}
	if o.Moved == nil {
		o.Moved = func(int64) {}
	}
	o.Done = oneAtATime(o.Done)
	t.wants.Begin() // of all destinations, before one of them begins to pull
	defer t.wants.End()
	parts := t.byDestination()
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		wg.Go(func() { errs[i] = c.executePart(ctx, part, o) })
	}
	wg.Wait()
	err := t.Err()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	for _, more := range errs {
		switch {
		case err == nil:
			err = more
		case more != nil:
			err = errors.Join(err, more)
		}
	}
	return err
}

// oneAtATime makes a callback that several engines call safe. nil is a callback, too.
func oneAtATime(done func(*ImagePlan)) func(*ImagePlan) {
	if done == nil {
		return func(*ImagePlan) {}
	}
	var mu sync.Mutex
	return func(e *ImagePlan) {
		mu.Lock()
		defer mu.Unlock()
		done(e)
	}
}

// executePart carries out the part of a plan that concerns one destination. The errors
// of images are in their plans. The error is one of the destination as a whole.
func (c *Client) executePart(ctx context.Context, t *TransferPlan, o Options) error {
	defer t.dropWants()
	if err := c.fits(t); err != nil {
		return err
	}
	e := &engine{c: c, t: t, o: o, waiting: map[*ImagePlan]int{}, mounts: map[string]mounting{}, results: make(chan result), wake: make(chan struct{}, 1)}
	layouts := c.targetLayouts(t)
	var begun []*ocilayout.Layout
	var err error
	for l := range layouts {
		if err = l.Begin(ctx); err != nil {
			err = on(destination, err)
			break
		}
		begun = append(begun, l)
	}
	if err == nil {
		e.run(ctx)
	}
	for _, l := range begun {
		images := layouts[l]
		lasting := on(destination, l.Commit())
		if lasting == nil {
			continue
		}
		told := false
		for _, im := range images {
			if im.State == Copied { // its blobs may be there, but not its name
				im.fail(lasting)
				told = true
			}
		}
		if !told {
			err = errors.Join(err, lasting)
		}
	}
	return err
}

// An engine holds the state of one execution. One goroutine owns it. The
// workers get all they need with their job, and only report back.
type engine struct {
	c            *Client
	t            *TransferPlan
	o            Options
	waiting      map[*ImagePlan]int  // the number of blobs that an image waits for
	mounts       map[string]mounting // by registry
	largeQueue   queue               // jobs that move many bytes through here
	smallQueue   queue               // small blobs, mounts and manifests
	results      chan result
	wake         chan struct{}  // gets a value when a blob that was not to be had may be
	held         bool           // such blobs are in the queues
	manifestPuts manifests.Puts // shared by the jobs that publish
}

// mounting is what is known about mounts of a registry. The first mount runs
// alone, because a refusal costs three requests.
type mounting int

const (
	untried mounting = iota
	trying
	works
	refused
)

func (e *engine) run(ctx context.Context) {
	// Small jobs cost a round trip each, and little else. The registry's limiter says how
	// many of them are under way; a layout makes those that come together lasting together.
	e.largeQueue.limit, e.smallQueue.limit = e.room(), MaxConcurrency
	e.prepare()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		e.held = false
		// Small jobs come first: mounts that are refused become large jobs.
		e.start(ctx, &wg, &e.smallQueue)
		e.start(ctx, &wg, &e.largeQueue)
		running := e.largeQueue.running + e.smallQueue.running
		if running == 0 && !e.held {
			return
		}
		stopped := ctx.Done()
		if running > 0 {
			stopped = nil // their results come
		}
		select {
		case r := <-e.results:
			e.queueOf(r.job).running--
			if ctx.Err() == nil {
				e.finish(r)
			}
		case <-e.wake:
		case <-stopped:
		}
	}
}

// room is the number of blobs that move at a time. It is at most the number of
// requests that each registry takes at a time.
func (e *engine) room() int {
	n := e.o.Parallel
	for _, b := range e.t.Blobs {
		n = min(n, e.c.concurrency(b.sources[0].Registry), e.c.concurrency(b.places[0].repo.Registry))
	}
	return n
}

// prepare fills the queues. The largest blobs come first, so that the last job
// is a small one.
func (e *engine) prepare() {
	for _, en := range e.t.Images {
		if en.State == Copy {
			e.waiting[en] = len(en.parts)
			if len(en.parts) == 0 {
				e.publish(en)
			}
		}
	}
	for _, b := range e.t.Blobs {
		if !b.isPresent() {
			e.pull(b)
			continue
		}
		for _, p := range b.places {
			if p.present {
				e.blobDone(b, p)
			}
		}
		e.fanOut(b)
	}
}

// start starts jobs while there is room. It drops jobs that are not needed any
// more.
func (e *engine) start(ctx context.Context, wg *sync.WaitGroup, q *queue) {
	for q.running < q.limit && ctx.Err() == nil {
		j := e.next(q)
		if j == nil {
			return
		}
		q.running++
		j.noteBegin()
		wg.Go(func() { e.results <- result{j, e.do(ctx, j)} })
	}
}

// next takes the first job that may run now.
func (e *engine) next(q *queue) *job {
	for i := q.head; i < len(q.jobs); {
		j := q.jobs[i]
		switch {
		case j.kind == publishJob && j.entry.State != Copy, j.place != nil && !j.place.isNeeded():
			i = q.take(i)
			if j.kind == pullJob {
				e.pull(j.blob) // for the others that need it
			}
			continue
		case j.kind == mountJob && e.mounts[j.from.Registry] == trying:
			i++
			continue
		case j.kind == mountJob && e.mounts[j.from.Registry] == refused:
			i = q.take(i)
			j.kind = copyJob
			e.add(j)
			continue
		case j.kind == mountJob && e.mounts[j.from.Registry] == untried:
			e.mounts[j.from.Registry] = trying
		case j.kind == pullJob && !j.blob.want.Ready(e.wake):
			e.held = true
			i++
			continue
		}
		q.take(i)
		return j
	}
	return nil
}

// do carries out a job, at the same time as others. It must not touch the
// engine's state.
func (e *engine) do(ctx context.Context, j *job) error {
	switch j.kind {
	case pullJob:
		moved := e.o.Moved
		if j.blob.want.IsShared() {
			moved = func(int64) {} // they count for another
		}
		return e.c.pullBlob(ctx, j.blob, blobCopy{source, j.from, *j.place.repo, moved})
	case copyJob:
		return e.c.copyBlob(ctx, j.blob, blobCopy{destination, j.from, *j.place.repo, func(int64) {}})
	case mountJob:
		return e.c.mount(ctx, j.blob, j.from, *j.place.repo)
	default:
		return e.c.publish(ctx, j.entry, &e.manifestPuts)
	}
}

// finish notes the result of a job.
func (e *engine) finish(r result) {
	j := r.job
	if j.kind == mountJob {
		e.learn(j.from.Registry, r.err)
	}
	switch {
	case j.kind == publishJob && r.err != nil:
		e.fail(j.entry, r.err)
	case j.kind == publishJob:
		j.entry.State = Copied
		e.o.Done(j.entry)
	case r.err == nil:
		if j.kind == mountJob {
			j.place.entries[0].Mounted += j.blob.Size
		}
		first := !j.blob.isPresent()
		e.blobDone(j.blob, j.place)
		if first {
			e.fanOut(j.blob)
		}
	case errors.Is(r.err, errRefused):
		j.kind = copyJob
		e.add(j)
	case j.kind == pullJob:
		e.pullFailed(j, r.err)
	default:
		e.failPlace(j.place, r.err)
	}
}

// learn notes what a mount says about its registry.
func (e *engine) learn(registry string, err error) {
	switch {
	case errors.Is(err, errRefused):
		e.mounts[registry] = refused
	case err == nil:
		e.mounts[registry] = works
	case e.mounts[registry] == trying:
		e.mounts[registry] = untried
	}
}

// pull moves a blob to the first place that needs it, its home.
func (e *engine) pull(b *Blob) {
	for _, p := range b.places {
		if p.isNeeded() && len(b.sources) > 0 {
			e.add(&job{kind: pullJob, blob: b, place: p, from: *b.sources[0]})
			return
		}
	}
	b.want.Drop()
}

// pullFailed decides which images a failure concerns. Another repository of the
// source or the destination may still work.
func (e *engine) pullFailed(j *job, err error) {
	var side *SideError
	atSource := errors.As(err, &side) && side.Side == source
	switch {
	case atSource && !fault.IsConnection(err) && len(j.blob.sources) > 1:
		j.blob.sources = j.blob.sources[1:]
		e.pull(j.blob)
	case atSource || fault.IsConnection(err):
		for _, p := range j.blob.places {
			e.failPlace(p, err)
		}
	default:
		e.failPlace(j.place, err)
		e.pull(j.blob)
	}
}

// blobDone notes that a place has a blob, and publishes the images that waited
// for it only.
func (e *engine) blobDone(b *Blob, p *place) {
	p.present = true
	for _, en := range p.entries {
		e.waiting[en]--
		if e.waiting[en] == 0 && en.State == Copy {
			e.publish(en)
		}
	}
}

// fanOut copies a blob from its home to all other places.
func (e *engine) fanOut(b *Blob) {
	home := b.places[slices.IndexFunc(b.places, func(p *place) bool { return p.present })]
	for _, p := range b.places {
		if !p.present {
			e.add(&job{kind: mountJob, blob: b, place: p, from: *home.repo})
		}
	}
}

func (e *engine) publish(en *ImagePlan) { e.add(&job{kind: publishJob, entry: en}) }

func (e *engine) failPlace(p *place, err error) {
	for _, en := range p.entries {
		e.fail(en, err)
	}
}

// fail ends an image. The first error stays.
func (e *engine) fail(en *ImagePlan, err error) {
	if en.State == Copy {
		en.fail(err)
		e.o.Done(en)
	}
}
