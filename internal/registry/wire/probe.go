package wire

import (
	"context"
	"io"
	"net/http"
)

// A Probe is the answer to a request without credentials. The zero value is no
// answer.
type Probe struct {
	Status int
	Header http.Header
	Body   string // its beginning
}

// Probe sends one GET without credentials and does not repeat it. It finds out
// more about a host that is known to answer, so its errors do not matter.
func (t *Transport) Probe(ctx context.Context, url string) Probe {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Probe{}
	}
	req.Header.Set("User-Agent", UserAgent)
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return Probe{}
	}
	defer func() { _ = resp.Body.Close() }()
	head, _ := io.ReadAll(io.LimitReader(resp.Body, 512)) // a part of it is enough
	return Probe{resp.StatusCode, resp.Header, string(head)}
}
