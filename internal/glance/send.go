package glance

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
)

// A source is the data of an image: an open file, and the size and digest that it had
// when the upload was decided.
type source struct {
	data   io.ReaderAt
	size   int64
	sha512 string // lower-case hex, "" if not known: what the cloud must hold
	meter  *meter
}

// A meter reports bytes as they are sent. It reports bytes that are sent again only once.
type meter struct {
	report func(n int64) // may be nil

	// The transport reads bodies in its own goroutines, which may live longer than the
	// call that started them. So the mutex is needed.
	mu       sync.Mutex
	reported int64 // how many bytes from the start were reported
}

// advance reports the bytes up to a position that were not reported before.
func (m *meter) advance(to int64) {
	m.mu.Lock()
	n := to - m.reported
	m.reported = max(m.reported, to)
	m.mu.Unlock()
	if n > 0 && m.report != nil {
		m.report(n)
	}
}

// A transfer sends one source to the cloud. It may take several requests: after a
// refused token gophercloud sends the request again.
//
// Each request reads the source through its own reader. A request that was given up may
// read on for a while, and must not move the position of the next one. The file may be
// closed by then.
type transfer struct {
	src  source
	mu   sync.Mutex  // see meter
	last *bodyReader // the body of the latest request
}

type transferKey struct{}

// put sends the data to an image's record. It also gives the body of the last request;
// nil if no request reached the transport.
func (c *Client) put(ctx context.Context, id string, src source) (*bodyReader, error) {
	s := &transfer{src: src}
	ctx = context.WithValue(ctx, transferKey{}, s)
	err := imagedata.Upload(ctx, c.images, id, placeholder{}).ExtractErr()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, explain(err)
}

// A placeholder is the body that gophercloud sees. It can seek and has no Close, so that
// gophercloud repeats a request correctly. The sender replaces it by the real body.
type placeholder struct{}

func (placeholder) Read([]byte) (int, error) {
	return 0, errors.New("the body of an upload was read without a sender")
}
func (placeholder) Seek(int64, int) (int64, error) { return 0, nil }

// A sender is a RoundTripper that gives an upload its body and its length, and every
// answer a bound.
type sender struct{ base http.RoundTripper }

func (t sender) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.send(req)
	if err != nil {
		return nil, err
	}
	return bounded(resp), nil
}

func (t sender) send(req *http.Request) (*http.Response, error) {
	s, ok := req.Context().Value(transferKey{}).(*transfer)
	if !ok || req.Method != http.MethodPut {
		return t.base.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	req.Body = s.newBody()
	// net/http calls it when a connection was dead before a byte was sent.
	req.GetBody = func() (io.ReadCloser, error) { return s.newBody(), nil }
	req.ContentLength = s.src.size
	// The body waits for the server's answer, so a refused token costs no data.
	req.Header.Set("Expect", "100-continue")
	return t.base.RoundTrip(req)
}

func (s *transfer) newBody() *bodyReader {
	r := &bodyReader{source: s.src}
	if s.src.sha512 == "" {
		r.hash = sha512.New()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = r
	return r
}

// A bodyReader is the body of one request. It hashes the data unless their SHA-512 is
// known.
type bodyReader struct {
	source source

	mu   sync.Mutex // see meter
	hash hash.Hash  // nil: the SHA-512 is known
	at   int64
	err  error // of reading the file, not of the connection
}

// pieceSize is how much of a file is read, hashed and sent at a time. It fits into a
// processor's cache. With the 1 MiB that the transport asks for, an upload took 3%
// longer.
const pieceSize = 128 << 10

// Read gives the next bytes of the source, and in all not more than the size that the
// request announced.
func (r *bodyReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.source.size - r.at
	if left == 0 {
		return 0, io.EOF
	}
	n, err := r.source.data.ReadAt(p[:min(int64(len(p)), left, pieceSize)], r.at)
	if r.hash != nil {
		r.hash.Write(p[:n])
	}
	r.at += int64(n)
	r.source.meter.advance(r.at)
	switch {
	case n > 0 || err == nil:
		return n, nil // the next call gives the error again
	case errors.Is(err, io.EOF):
		r.err = fmt.Errorf("the file shrank from %d to %d bytes while it was read", r.source.size, r.at)
	default:
		r.err = err
	}
	return 0, r.err
}

// Close does nothing: the caller that opened the file closes it.
func (r *bodyReader) Close() error { return nil }

// fileError gives an error if the file is at fault and not the cloud: the file could not
// be read, or its size has changed.
func (r *bodyReader) fileError() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	src := r.source
	if r.err != nil {
		return r.err
	}
	if r.at < src.size {
		return nil // the request ended before the file did; the file is not at fault
	}
	if n, _ := src.data.ReadAt(make([]byte, 1), src.size); n > 0 {
		return fmt.Errorf("the file grew beyond its %d bytes while it was read", src.size)
	}
	return nil
}

// sum gives the digest of what was sent, and whether everything was sent.
func (r *bodyReader) sum() (sha512 string, whole bool) {
	if r == nil {
		return "", false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := r.source.sha512
	if r.hash != nil {
		sum = hex.EncodeToString(r.hash.Sum(nil))
	}
	return sum, r.at == r.source.size
}

// patience gives how long to wait for the image afterwards. It is longer when the cloud
// has all the data: a slow store may need more time for them than the connection lasts.
func (r *bodyReader) patience(usual time.Duration) time.Duration {
	if _, all := r.sum(); all {
		return 15 * usual
	}
	return usual
}

func shorten(sum string) string {
	if len(sum) <= 16 {
		return sum
	}
	return sum[:16] + "..."
}
