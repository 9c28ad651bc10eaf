package upload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry/wire"
	"github.com/bayplan/bayplan/internal/transport"
)

const (
	// tries is the number of tries for a blob of which the registry has nothing.
	tries = 3
	// patience is the number of tries in a row that do not get on, for a blob of
	// which the registry has a part. They span 7.5 seconds.
	patience = 5
)

// A push is one blob on its way.
type push struct {
	*Transport
	ctx    context.Context
	marked *marked
	src    Source
	size   int64
	host   string
	digest string
	header http.Header

	given    *url.URL // the upload that the client has opened
	unused   bool     // nothing was sent to it
	at       *url.URL // where the upload goes on; nil: none is open
	least    int64    // the smallest piece that the registry takes
	begun    bool     // something was tried
	file     string   // keeps the location for another run, "": none does
	older    bool     // the upload is of an earlier run
	early    bool     // the first break came so early that the whole is sent once more
	mixed    bool     // the upload was gone on with after a break
	complete bool     // the registry has all bytes
	refused  int64    // the offset that the registry refused to go on from, -1: none
	best     int64    // the most bytes of the blob that the registry has had
	counted  int64    // the bytes that it had when failures began anew
	failures int      // tries in a row that did not get on
	last     *lostTry // not among the breaks yet
	breaks   wire.Breaks
	wait     time.Duration // that the registry asked for
}

// A lostTry is a request whose connection broke, or that was answered with: try later.
type lostTry struct {
	err        error
	from, sent int64
}

// Error gives the reason.
func (l *lostTry) Error() string { return l.err.Error() }

// errRefused says that the registry does not go on with an upload.
var errRefused = errors.New("the registry does not go on with the upload")

func newPush(t *Transport, req *http.Request, m *marked) *push {
	p := &push{
		Transport: t, ctx: req.Context(), marked: m, src: m.source, size: req.ContentLength, refused: -1,
		host: req.URL.Host, digest: req.URL.Query().Get("digest"), header: req.Header,
	}
	at := *req.URL
	at.RawQuery = strings.TrimSuffix(strings.TrimSuffix(at.RawQuery, "digest="+url.QueryEscape(p.digest)), "&")
	p.given, p.at, p.unused = &at, &at, true
	return p
}

// anew pushes a blob of which the registry has nothing.
func (p *push) anew(req *http.Request) (*http.Response, error) {
	if way := p.ways.of(p.host); way.kind == inPieces && way.piece < p.size {
		return p.goOn()
	}
	return p.first(req)
}

// first sends the blob in one request, as the client wants it.
func (p *push) first(req *http.Request) (*http.Response, error) {
	body := &piece{from: req.Body}
	whole := *req
	whole.Body = body
	resp, err := p.next.RoundTrip(&whole)
	sent := body.end()
	p.unused = false
	if sent == 0 || !p.broke(err) {
		return resp, err
	}
	p.begun, p.early, p.last = true, sent < p.size/50, &lostTry{err, 0, sent}
	p.ways.cut(p.host, sent)
	return p.goOn()
}

// broke says whether an error means that the line to the registry broke.
func (p *push) broke(err error) bool {
	return err != nil && p.ctx.Err() == nil && p.src.Failed() == nil && fault.IsConnection(err)
}

// goOn tries until the blob is there, or tries do not get on any more.
func (p *push) goOn() (*http.Response, error) {
	for {
		if err := p.rest(); err != nil {
			return nil, err
		}
		p.begun = true
		resp, err := p.try()
		var lost *lostTry
		switch {
		case errors.As(err, &lost):
			p.note(p.last, p.lastSent())
			p.last = lost
			continue
		case err != nil && p.src.Failed() != nil:
			err = p.src.Failed()
		}
		if err != nil {
			p.leave()
		}
		return resp, err
	}
}

// rest waits after a try that failed. It gives up after several that did not get on.
func (p *push) rest() error {
	if !p.begun {
		return nil
	}
	p.failures++
	if p.failures >= patience || p.failures >= tries && p.best == 0 {
		p.note(p.last, p.last.sent)
		text := p.breaks.String()
		if p.best > 0 {
			text += fmt.Sprintf("; %s of %s had arrived", human.Size(p.best), human.Size(p.size))
		}
		p.leave()
		return wire.GiveUp(p.ctx, fmt.Errorf("%s: %s", p.host, text))
	}
	wait := max(p.wait, wire.Backoff(p.failures))
	p.wait = 0
	return p.pause(p.ctx, wait)
}

// leave gives up the upload that is open, unless it is the client's, which does so, or
// another run may go on with it.
func (p *push) leave() {
	if p.at != nil && p.at.Path != p.given.Path && !p.stays() {
		p.cancel()
	}
}

// note puts a try among the breaks.
func (p *push) note(l *lostTry, passed int64) {
	if l != nil {
		p.breaks.Note(l.err, passed)
	}
	p.last = nil
}

// arrived notes that the registry has the bytes before at. Tries count as failed until
// a 4096th of the blob is new, so that there is an end: each of these parts takes at
// most so many tries as patience says.
func (p *push) arrived(at int64) {
	p.best = max(p.best, at)
	if at-p.counted >= max(256<<10, p.size/4096) || at == p.size && at > p.counted {
		p.counted, p.failures = at, 0
	}
}

// try sends what is missing, in the way that the registry needs.
func (p *push) try() (*http.Response, error) {
	if p.src.Taken() == p.size {
		// The answer may be what was lost.
		if there, err := p.isThere(); there != nil || err != nil {
			return there, err
		}
	}
	if p.complete {
		return p.finish()
	}
	if p.at != nil && p.ways.of(p.host).kind < inPieces {
		resp, err := p.resume()
		if !errors.Is(err, errRefused) {
			return resp, err
		}
		p.ways.learn(p.host, inPieces)
	}
	p.note(p.last, p.lastSent())
	if p.early {
		p.early = false
		return p.sendWhole()
	}
	if p.ways.of(p.host).kind == inPieces {
		resp, err := p.beginInPieces()
		if !errors.Is(err, errRefused) {
			return resp, err
		}
		p.ways.learn(p.host, inOne)
	}
	return p.sendWhole()
}

func (p *push) lastSent() int64 {
	if p.last == nil {
		return 0
	}
	return p.last.sent
}

// resume asks the registry how much it has, and sends the rest: in one request, or in
// pieces where many more breaks are to be expected. A piece that passes costs a round
// trip. A break costs what lies in buffers at both ends, and a wait.
func (p *push) resume() (*http.Response, error) {
	at, err := p.ask()
	if err != nil {
		return nil, err
	}
	if p.last != nil {
		p.note(p.last, max(0, at-p.last.from))
	}
	p.arrived(at)
	p.mixed = at > 0
	if piece := p.pieceSize(); p.size-at > 2*share*piece && p.breaks.String() != "" {
		return p.sendPieces(at, piece)
	}
	if at < p.size {
		resp, err := p.patch(p.ctx, span{at, p.size})
		var lost *lostTry
		if errors.As(err, &lost) && lost.sent > 0 {
			p.ways.cut(p.host, lost.sent)
		}
		if err != nil || !isSuccess(resp) {
			return resp, err
		}
		drop(resp)
		p.arrived(p.size)
	}
	p.complete = true
	return p.finish()
}

// patch sends some bytes of the blob to the upload.
func (p *push) patch(ctx context.Context, s span) (*http.Response, error) {
	resp, err := p.send(ctx, http.MethodPatch, p.at, s)
	switch {
	case err == nil && isSuccess(resp) && p.mixed:
		p.ways.learn(p.host, byOffset)
	case errors.Is(err, errRefused) && p.mixed && s.from != p.refused && wire.LastOf(p.ctx).Status == http.StatusRequestedRangeNotSatisfiable:
		// What was sent before may have arrived only now.
		p.refused = s.from
		err = &lostTry{errRefused, s.from, 0}
	}
	return resp, err
}

// beginInPieces begins again, with pieces.
func (p *push) beginInPieces() (*http.Response, error) {
	if resp, err := p.begin(); resp != nil || err != nil {
		return resp, err
	}
	return p.sendPieces(0, p.pieceSize())
}

// pieceSize is the size of pieces. Where nothing broke yet, they are large.
func (p *push) pieceSize() int64 {
	if piece := p.ways.of(p.host).piece; piece > 0 {
		return max(piece, p.least)
	}
	return max(largePiece, p.least)
}

// sendPieces sends what is missing in pieces that each have a connection of their own.
func (p *push) sendPieces(at, size int64) (*http.Response, error) {
	for begun := at; at < p.size; {
		s := span{at, min(at+size, p.size)}
		resp, err := p.patch(transport.OnOwnConnection(p.ctx), s)
		var lost *lostTry
		switch {
		case errors.As(err, &lost) && lost.sent > 0:
			p.ways.cutPiece(p.host, size, lost.sent)
		case errors.Is(err, errRefused) && at > begun:
			err = &lostTry{err, at, 0} // it has lost the pieces that it took
		}
		if err != nil || !isSuccess(resp) {
			return resp, err
		}
		drop(resp)
		at = s.end
		p.arrived(at)
	}
	p.ways.passed(p.host)
	p.complete = true
	return p.finish()
}

// sendWhole begins again, in one request.
func (p *push) sendWhole() (*http.Response, error) {
	if resp, err := p.begin(); resp != nil || err != nil {
		return resp, err
	}
	resp, err := p.send(p.ctx, http.MethodPut, p.end(), span{0, p.size})
	var lost *lostTry
	switch {
	case errors.As(err, &lost) && lost.sent > 0:
		p.ways.cut(p.host, lost.sent)
	case errors.Is(err, errRefused):
		return resp, nil
	}
	return resp, err
}

// finish ends an upload whose bytes have all arrived.
func (p *push) finish() (*http.Response, error) {
	resp, err := p.send(p.ctx, http.MethodPut, p.end(), span{})
	switch {
	case !errors.Is(err, errRefused):
		return resp, err
	case !p.mixed:
		return resp, nil
	}
	// What it kept of the broken requests is not what was sent.
	drop(resp)
	p.ways.learn(p.host, inPieces)
	p.complete, p.mixed, p.at = false, false, nil
	return nil, &lostTry{errRefused, 0, 0}
}
