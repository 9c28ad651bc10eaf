// Package upload puts blobs into registries over lines that break: it goes on with an
// upload where the registry has got to, or sends the blob in pieces that are small
// enough to pass. It knows the requests of an upload, but nothing of images and
// transfers, and not where the bytes come from.
//
// A push that does not break is passed on as it is.
package upload

import (
	"context"
	"io"
	"net/http"
	"time"
)

// A Source gives the bytes of a blob: each once, in their order, and parts of them
// again when a connection broke. Its last bytes come only if the digest of all that it
// gave is right.
type Source interface {
	io.Reader
	// Taken is the number of bytes that Read has given.
	Taken() int64
	// Again gives bytes that Read has given before: from one to before another.
	Again(ctx context.Context, from, end int64) (io.ReadCloser, error)
	// Failed gives the error of the source itself, nil for none.
	Failed() error
}

type sourceKey struct{}

// From marks a call as the push of a blob with these bytes.
func From(ctx context.Context, s Source) context.Context {
	return context.WithValue(ctx, sourceKey{}, &marked{source: s})
}

// marked is the mark of a push.
type marked struct {
	source Source
	stays  bool // the upload stays at the registry, for another run
}

// A Transport carries the requests of a registry client, and makes pushes that break
// go on. The client sees one request that took long.
type Transport struct {
	next  http.RoundTripper // a wire.Transport
	pause func(context.Context, time.Duration) error
	ways  ways
	kept  kept
}

// New makes a Transport that sends requests through next. It calls pause to wait
// between two tries.
func New(next http.RoundTripper, pause func(context.Context, time.Duration) error) *Transport {
	return &Transport{next: next, pause: pause}
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	m, isPush := req.Context().Value(sourceKey{}).(*marked)
	if isPush && m.isKept(req) {
		return accepted(req), nil
	}
	if !isPush || req.Method != http.MethodPut || req.ContentLength <= 0 || !req.URL.Query().Has("digest") {
		return t.next.RoundTrip(req)
	}
	return newPush(t, req, m).start(req)
}
