// Package spool lets all who copy images in a run share their blobs, so that each is
// read from its source once. It knows of a blob who wants it, whether it is on its way,
// and where the run has put it. A blob that several want at a time lies in a file, which
// each reads at its own speed while it grows. The package moves no bytes to a
// destination and sends no request.
package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/human"
)

// A Pool holds the blobs of a run. It is for use by many goroutines at once. Until it is
// told of a directory, it makes no files, and who would need one reads the source.
type Pool struct {
	mu       sync.Mutex // steps and destinations ask at the same time
	blobs    map[string]*blob
	plans    map[string]*Plan     // the newest, by owner
	places   map[ref.Ref]*ref.Ref // each once: many blobs come to one repository
	planning int
	deaf     map[string]bool // destinations that did not give a blob back
	files    int             // made so far

	dir    string
	room   int64  // for files
	used   int64  // of it
	coming int64  // bytes that are to be written yet, at most
	broken error  // why no more files are made
	noRoom string // why the newest one was not made
}

// A blob is what is known of a digest. There may be very many.
type blob struct {
	size  int64
	live  int32  // wants that nothing has come of yet
	begun int32  // those whose execution has begun
	moves *moves // nil: none
}

// moves are what the run has done with a blob.
type moves struct {
	alone   *Want      // that reads the source without a file, while others wait
	reads   int        // of the source, but for those that failed
	file    *file      // nil: there is none
	places  []*ref.Ref // where the run has put it, one for each destination
	waiting []chan<- struct{}
}

// begin gives the moves of a blob that are about to begin.
func (b *blob) begin() *moves {
	if b.moves == nil {
		b.moves = &moves{}
	}
	return b.moves
}

// New makes a pool.
func New() *Pool {
	return &Pool{blobs: map[string]*blob{}, plans: map[string]*Plan{}, places: map[ref.Ref]*ref.Ref{}, deaf: map[string]bool{}}
}

// SetRoom says how many bytes the files may take. It is called before the pool is used.
func (p *Pool) SetRoom(n int64) { p.room = n }

// Keep says where files are made, and removes those that a killed run has left. It is
// called before the pool is used.
func (p *Pool) Keep(dir string) {
	p.dir = dir
	_ = os.RemoveAll(dir) // what stays there shows when a file is made
}

// Close ends all that is under way and removes all files.
func (p *Pool) Close() {
	p.mu.Lock()
	p.room = 0
	var files []*file
	for _, b := range p.blobs {
		if b.moves != nil && b.moves.file != nil {
			files = append(files, p.detach(b.moves))
		}
	}
	p.mu.Unlock()
	discard(files)
	if p.dir != "" {
		_ = os.Remove(p.dir)
	}
}

// destination names a registry or layout.
func destination(r *ref.Ref) string { return cmp.Or(r.Path, r.Registry) }

// place gives a repository that a blob can be read from, at the destination itself where
// there is one. nil: there is none.
func (p *Pool) place(b *moves, to *ref.Ref) (at *ref.Ref) {
	for _, r := range b.places {
		switch {
		case p.deaf[destination(r)]:
		case to != nil && destination(r) == destination(to):
			return r
		case at == nil:
			at = r
		}
	}
	return at
}

// newFile makes a file for a blob, unless there is no room for it.
func (p *Pool) newFile(b *moves, size int64) *file {
	switch {
	case p.broken != nil:
		p.noRoom = p.broken.Error()
	case p.dir == "" || p.room == 0:
		p.noRoom = "there is no spool"
	case size > p.room-p.used:
		p.noRoom = fmt.Sprintf("the spool, of at most %s, has no room for them", human.Size(p.room))
	case !p.fits(size):
		p.noRoom = "the disk of the spool has no room for them"
	default:
		return p.makeFile(b, size)
	}
	return nil
}

// fits says whether the disk has room. Others need it, too: what keeps the state, and
// layouts.
func (p *Pool) fits(size int64) bool {
	free, known := durable.FreeSpace(p.dir)
	return !known || size+p.coming <= free/2
}

func (p *Pool) makeFile(b *moves, size int64) *file {
	p.files++
	b.file = &file{path: filepath.Join(p.dir, strconv.Itoa(p.files)), size: size, done: make(chan struct{})}
	p.used, p.coming = p.used+size, p.coming+size
	return b.file
}

// fill fetches a blob into its file.
func (p *Pool) fill(ctx context.Context, b *moves, f *file) {
	err := f.fill(ctx)
	p.mu.Lock()
	p.coming -= f.size
	f.complete = err == nil
	var disk *DiskError
	if errors.As(err, &disk) && p.broken == nil {
		p.broken = disk
	}
	if err != nil {
		b.reads--
		if b.file == f {
			p.detach(b)
		}
	}
	p.mu.Unlock()
	f.end(err)
}

// detach takes the file of a blob away, for discard.
func (p *Pool) detach(b *moves) *file {
	f := b.file
	b.file = nil
	p.used -= f.size
	return f
}

// unwanted gives the file of a blob if nobody wants it any more. A file that is not
// complete is wanted by those who read it now.
func (p *Pool) unwanted(b *blob) []*file {
	m := b.moves
	if m == nil || m.file == nil || (b.begun > 0 || m.file.complete) && (b.live > 0 || p.planning > 0) {
		return nil
	}
	return []*file{p.detach(m)}
}

// why says why a source is read again.
func (p *Pool) why(b *moves) string {
	for _, r := range b.places {
		if p.deaf[destination(r)] {
			return fmt.Sprintf("%s did not give them back", destination(r))
		}
	}
	return p.noRoom
}
