package upload

import (
	"errors"
	"io"
	"sync"
)

// A piece is the body of one request. net/http may still read the body of a request
// that has failed, so that a piece is ended before the source is read on.
type piece struct {
	from io.Reader

	mu    sync.Mutex
	n     int64
	ended bool
}

// Read gives bytes until the piece is ended.
func (p *piece) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return 0, errors.New("read after the end of the request")
	}
	n, err := p.from.Read(b)
	p.n += int64(n)
	return n, err
}

// Close does nothing: the source is read on after the request.
func (p *piece) Close() error { return nil }

// end waits for a Read that runs and lets no other one begin. It gives the number of
// bytes that were read.
func (p *piece) end() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	return p.n
}
