package spool

import (
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/regclient/regclient/types/ref"
)

// A Plan is what one execution wants. Each plan is made, is perhaps executed, and ends.
type Plan struct {
	pool  *Pool
	wants []Want
	begun bool
	again Again
}

// Again counts the blobs that were read from their source though the run had read them
// from there before.
type Again struct {
	Blobs int
	Bytes int64
	Why   string // of the first
}

// Plan begins a plan. What an earlier plan of the owner wants and has not begun to get,
// nobody wants any more. The caller must call Planned.
func (p *Pool) Plan(owner string) *Plan {
	p.mu.Lock()
	former := p.plans[owner]
	if former != nil && former.begun {
		former = nil
	}
	pl := &Plan{pool: p}
	p.plans[owner] = pl
	p.planning++
	p.mu.Unlock()
	if former != nil {
		former.End()
	}
	return pl
}

// A Blob is a blob to want.
type Blob struct {
	Digest string
	Size   int64
}

// Want says what the plan wants. A digest may be in the list several times, for several
// destinations. The wants have the order of the list.
func (pl *Plan) Want(list []Blob) []Want {
	p := pl.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	pl.wants = make([]Want, len(list))
	fresh := make([]blob, len(list)) // there may be very many
	for i, l := range list {
		key := l.Digest
		if b := p.blobs[key]; b != nil && b.size != l.Size {
			key += " " + strconv.FormatInt(l.Size, 10) // one of two manifests is wrong, and fails alone
		}
		b := p.blobs[key]
		if b == nil {
			b, fresh[i].size = &fresh[i], l.Size
			p.blobs[key] = b
		}
		shared := b.live > 0 && l.Size <= p.room || b.moves != nil && len(b.moves.places) > 0
		b.live++
		pl.wants[i] = Want{plan: pl, blob: b, live: true, shared: shared}
	}
	return pl.wants
}

// Planned says that the plan wants nothing more.
func (pl *Plan) Planned() {
	p := pl.pool
	p.mu.Lock()
	p.planning--
	var files []*file
	if p.planning == 0 {
		for _, b := range p.blobs {
			files = append(files, p.unwanted(b)...)
		}
	}
	p.mu.Unlock()
	discard(files)
}

// Begin begins the execution.
func (pl *Plan) Begin() {
	pl.pool.mu.Lock()
	defer pl.pool.mu.Unlock()
	pl.begun = true
	for i := range pl.wants {
		w := &pl.wants[i]
		if !w.live {
			w.live = true
			w.blob.live++
		}
		w.blob.begun++
		w.begun = true
	}
}

// End ends the plan, with or without its execution.
func (pl *Plan) End() {
	for i := range pl.wants {
		pl.wants[i].Drop()
	}
}

// Again says what was read again in the execution.
func (pl *Plan) Again() Again {
	pl.pool.mu.Lock()
	defer pl.pool.mu.Unlock()
	return pl.again
}

// A Want is the wish of one destination for one blob. Its methods are called by one
// goroutine after another, Drop by any.
type Want struct {
	plan    *Plan
	blob    *blob
	live    bool // nothing has come of it yet
	begun   bool
	shared  bool
	reading bool // from the source
}

// IsShared says that somebody else wanted the blob before, so that its bytes count for
// that one. A nil Want is not shared.
func (w *Want) IsShared() bool { return w != nil && w.shared }

// Ready says whether the blob can be had now. If another reads it from the source
// without a file, then the answer is no, and wake gets a value when that may have
// changed. After a yes the caller must call Leave.
func (w *Want) Ready(wake chan<- struct{}) bool {
	p, b := w.plan.pool, w.blob
	p.mu.Lock()
	defer p.mu.Unlock()
	m := b.begin()
	if p.place(m, nil) != nil || m.file != nil || b.size == 0 {
		return true
	}
	if m.alone != nil && m.alone != w {
		m.waiting = append(m.waiting, wake)
		return false
	}
	w.claim(m)
	return true
}

// claim lets others wait while w reads the source, if nobody else wants the blob yet.
func (w *Want) claim(m *moves) {
	if m.alone == nil && w.blob.live == 1 && w.plan.pool.planning == 0 {
		m.alone = w
	}
}

// A Way is how a blob comes to a destination. The zero Way is from its source.
type Way struct {
	Put     *ref.Ref // from where the run has put it
	Spooled *Reader  // from a file
	From    ref.Ref  // that the file is filled from
}

// A Source is where a blob is read from. Open is used if the blob is to go through a
// file, by a goroutine that ends when the last execution that wants the blob ends. The
// last bytes come only if the digest is right.
type Source struct {
	From   ref.Ref
	Digest string
	Open   func(context.Context) (io.ReadCloser, error)
}

// Way chooses the way for the next try.
func (w *Want) Way(ctx context.Context, from Source, to ref.Ref) Way {
	p := w.plan.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	m := w.blob.begin()
	at := p.place(m, &to)
	readable := m.file != nil && !m.file.lost
	switch {
	case w.blob.size == 0:
		return Way{}
	case at != nil && (!readable || destination(at) == destination(&to)):
		return Way{Put: at}
	case readable:
		return Way{Spooled: newReader(ctx, m.file), From: m.file.source.From}
	}
	if w.claim(m); m.alone != w && p.newFile(m, w.blob.size) != nil {
		w.noteRead(m)
		fetching, cancel := context.WithCancel(context.WithoutCancel(ctx))
		m.file.cancel, m.file.source = cancel, from
		go p.fill(fetching, m, m.file) // discard waits for it
		return Way{Spooled: newReader(ctx, m.file), From: from.From}
	}
	if !w.reading {
		w.reading = true
		w.noteRead(m)
	}
	return Way{}
}

// noteRead notes that the source is about to be read.
func (w *Want) noteRead(m *moves) {
	if m.reads > 0 {
		a := &w.plan.again
		if a.Blobs == 0 {
			a.Why = w.plan.pool.why(m)
		}
		a.Blobs++
		a.Bytes += w.blob.size
	}
	m.reads++
}

// Lost says that the file of the blob cannot be read.
func (w *Want) Lost(err error) {
	p := w.plan.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := w.blob.begin().file; f != nil {
		f.lost = true
	}
	if p.broken == nil {
		p.broken = err // one that is gone or cut is not the only one
	}
}

// Refused says that a destination did not give the blob back. No other is asked of it in
// this run.
func (w *Want) Refused(at *ref.Ref) {
	w.plan.pool.mu.Lock()
	defer w.plan.pool.mu.Unlock()
	w.plan.pool.deaf[destination(at)] = true
}

// Put says that the blob has come to a repository.
func (w *Want) Put(at ref.Ref) {
	p := w.plan.pool
	p.mu.Lock()
	if p.places[at] == nil {
		p.places[at] = &at
	}
	m := w.blob.begin()
	if !slices.ContainsFunc(m.places, func(r *ref.Ref) bool { return destination(r) == destination(&at) }) {
		m.places = append(m.places, p.places[at])
	}
	p.mu.Unlock()
	w.Drop()
}

// Leave ends what a yes of Ready began.
func (w *Want) Leave() {
	w.plan.pool.mu.Lock()
	defer w.plan.pool.mu.Unlock()
	m := w.blob.begin()
	if w.reading && w.live {
		m.reads-- // it failed
	}
	if w.reading = false; m.alone != w {
		return
	}
	m.alone = nil
	for _, wake := range m.waiting {
		select {
		case wake <- struct{}{}:
		default: // it has a value that nobody has taken yet
		}
	}
	m.waiting = nil
}

// Drop says that the blob is not wanted any more. A nil Want wants nothing.
func (w *Want) Drop() {
	if w == nil {
		return
	}
	p := w.plan.pool
	p.mu.Lock()
	var files []*file
	if w.live {
		w.live = false
		w.blob.live--
		if w.begun {
			w.begun = false
			w.blob.begun--
		}
		files = p.unwanted(w.blob)
	}
	p.mu.Unlock()
	discard(files)
}
