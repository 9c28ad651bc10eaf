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

// A source is the data of an image: a file that is open, and what it was when
// somebody decided to upload it.
type source struct {
	data   io.ReaderAt
	size   int64
	sha512 string // lower-case hex, where it is known: the cloud must have got that
	meter  *meter
}

// A meter tells of bytes as they are sent, and of bytes that are sent again
// only once.
type meter struct {
	report func(n int64) // nil: nobody asks

	// The transport reads bodies in goroutines of its own, which may live
	// longer than the call that made them; hence a mutex.
	mu       sync.Mutex
	reported int64 // the furthest byte that was told of
}

// advance tells of the bytes up to here, if they were not told of before.
func (m *meter) advance(to int64) {
	m.mu.Lock()
	n := to - m.reported
	m.reported = max(m.reported, to)
	m.mu.Unlock()
	if n > 0 && m.report != nil {
		m.report(n)
	}
}

// A transfer is the way of one source into the cloud, over the requests that it
// takes: after a refused token gophercloud sends the request again.
//
// Each request reads the source through a reader of its own. A request that
// is given up may still be reading for a while, and must not move the place
// where the next one reads; nor is a closed file a concern.
type transfer struct {
	src  source
	mu   sync.Mutex  // see meter
	last *bodyReader // the body of the latest request
}

type transferKey struct{}

// put sends the data to an image's record. What it gives besides the error
// says what was sent; it is nil when the transport was never reached.
func (c *Client) put(ctx context.Context, id string, src source) (*bodyReader, error) {
	s := &transfer{src: src}
	ctx = context.WithValue(ctx, transferKey{}, s)
	err := imagedata.Upload(ctx, c.images, id, placeholder{}).ExtractErr()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, explain(err)
}

// A placeholder is the body that gophercloud sees. It can be rewound and has
// no Close, which is what makes gophercloud send a request again correctly;
// the sender puts the real body in its place.
type placeholder struct{}

func (placeholder) Read([]byte) (int, error) {
	return 0, errors.New("the body of an upload was read without a sender")
}
func (placeholder) Seek(int64, int) (int64, error) { return 0, nil }

// A sender is the RoundTripper that gives an upload its body and its length.
type sender struct{ base http.RoundTripper }

func (t sender) RoundTrip(req *http.Request) (*http.Response, error) {
	s, ok := req.Context().Value(transferKey{}).(*transfer)
	if !ok || req.Method != http.MethodPut {
		return t.base.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	req.Body = s.newBody()
	// For a connection that turns out to be dead before a byte was sent.
	req.GetBody = func() (io.ReadCloser, error) { return s.newBody(), nil }
	req.ContentLength = s.src.size
	// So a refused token costs no byte: the body waits for the server's word.
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

// A bodyReader is one request's body. It hashes what it gives, unless that is known.
type bodyReader struct {
	source source

	mu   sync.Mutex // see meter
	hash hash.Hash  // nil: known
	at   int64
	err  error // of the file, not of the way to the cloud
}

// pieceSize is how much of a file is read, hashed and sent at a time: as much
// as stays in a processor's cache in between. With the 1 MiB that the transport
// asks for an upload took 3% longer.
const pieceSize = 128 << 10

// Read gives the source's next bytes, and never more than the size that the
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
		return n, nil // an error comes again with the next call
	case errors.Is(err, io.EOF):
		r.err = fmt.Errorf("the file shrank from %d to %d bytes while it was read", r.source.size, r.at)
	default:
		r.err = err
	}
	return 0, r.err
}

// Close does nothing: the file is its opener's.
func (r *bodyReader) Close() error { return nil }

// fileError says what was wrong with the file rather than with the cloud: it could
// not be read, or it no longer ends where it did.
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
		return nil // given up before its end; the file is not to blame
	}
	if n, _ := src.data.ReadAt(make([]byte, 1), src.size); n > 0 {
		return fmt.Errorf("the file grew beyond its %d bytes while it was read", src.size)
	}
	return nil
}

// sum gives the digest of what was sent, and whether that was everything.
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

// patience gives how long to wait for the cloud after this: longer when it has
// all the data, since a slow store may keep it busy with them, even for so long
// that the connection was given up.
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
