package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/registry/wire"
)

// A span is the bytes of a blob from one to before another.
type span struct{ from, end int64 }

// errNoLocation says that an answer to POST is of no use.
var errNoLocation = errors.New("it opens an upload and does not say where")

// end is the URL that ends the upload.
func (p *push) end() *url.URL {
	u := *p.at
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "digest=" + url.QueryEscape(p.digest)
	return &u
}

// begin opens an upload. A response is an answer with which the push ends.
func (p *push) begin() (*http.Response, error) {
	if p.unused {
		p.unused = false
		return nil, nil
	}
	p.cancel()
	p.at, p.mixed, p.complete = nil, false, false
	u, err := url.Parse(wire.RepositoryOf(p.ctx) + "/blobs/uploads/")
	if err != nil {
		return nil, err
	}
	if algorithm, _, _ := strings.Cut(p.digest, ":"); algorithm != "sha256" {
		u.RawQuery = "digest-algorithm=" + url.QueryEscape(algorithm)
	}
	resp, err := p.send(p.ctx, http.MethodPost, u, span{})
	switch {
	case errors.Is(err, errRefused):
		return resp, nil
	case err != nil || !isSuccess(resp):
		return resp, err
	case p.at == nil:
		err = errNoLocation
	}
	p.least, _ = strconv.ParseInt(resp.Header.Get("OCI-Chunk-Min-Length"), 10, 64) // 0 where it says nothing
	drop(resp)
	return nil, err
}

// ask asks the registry how many bytes of the upload it has.
func (p *push) ask() (int64, error) {
	resp, err := p.send(p.ctx, http.MethodGet, p.at, span{})
	if resp != nil {
		defer drop(resp)
	}
	if err != nil {
		return 0, err
	}
	_, last, _ := strings.Cut(strings.TrimPrefix(resp.Header.Get("Range"), "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 64)
	most := p.src.Taken()
	if p.older {
		most = p.size
	}
	if err != nil || n >= most {
		return 0, errRefused
	}
	if n <= 0 {
		return 0, nil // registries say 0-0 also when they have nothing
	}
	return n + 1, nil
}

// isThere asks whether the registry has the blob. The response is what the client
// would have got.
func (p *push) isThere() (*http.Response, error) {
	u, err := url.Parse(wire.RepositoryOf(p.ctx) + "/blobs/" + p.digest)
	if err != nil {
		return nil, err
	}
	resp, err := p.send(p.ctx, http.MethodHead, u, span{})
	if resp != nil {
		drop(resp)
	}
	if errors.Is(err, errRefused) || err == nil && !isSuccess(resp) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "201 Created", StatusCode: http.StatusCreated, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: resp.Request,
	}, nil
}

// cancel gives up the upload that is open: its bytes take room at the registry.
func (p *push) cancel() {
	if p.at == nil || p.ctx.Err() != nil {
		return
	}
	if req, err := p.request(p.ctx, http.MethodDelete, p.at); err == nil {
		if resp, err := p.next.RoundTrip(req); err == nil {
			drop(resp)
		}
	}
}

func (p *push) request(ctx context.Context, method string, u *url.URL) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err == nil {
		req.Header.Set("User-Agent", wire.UserAgent)
	}
	return req, err
}

// send sends a request with some bytes of the blob. The error is a lostTry where
// another try may help, errRefused where the registry does not want to go on, and
// else one with which the push ends.
func (p *push) send(ctx context.Context, method string, u *url.URL, s span) (*http.Response, error) {
	req, err := p.request(ctx, method, u)
	if err != nil {
		return nil, err
	}
	body, err := p.open(s)
	if err != nil {
		return nil, err
	}
	defer body.close()
	if s.end > s.from {
		req.Body, req.ContentLength = body, s.end-s.from
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	if method == http.MethodPatch {
		req.Header.Set("Content-Range", fmt.Sprintf("%d-%d", s.from, s.end-1))
	}
	resp, err := p.next.RoundTrip(req)
	sent := body.end()
	if p.broke(err) {
		return nil, &lostTry{err, s.from, sent}
	}
	if err != nil {
		return nil, err
	}
	return resp, p.judge(resp, lostTry{from: s.from, sent: sent})
}

// judge says what the answer to a request means.
func (p *push) judge(resp *http.Response, l lostTry) error {
	result := wire.LastOf(p.ctx)
	switch {
	case isSuccess(resp):
		p.follow(resp)
		return nil
	case result.IsBusy():
		wait, patient := result.RetryAfter()
		if !patient {
			return nil
		}
		p.wait = wait
		l.err = fmt.Errorf("%d %s", result.Status, http.StatusText(result.Status))
		drop(resp)
		return &l
	case result.Status == http.StatusUnauthorized, result.Status == http.StatusForbidden:
		return nil
	}
	return errRefused
}

// follow notes where the upload goes on.
func (p *push) follow(resp *http.Response) {
	location, isStatus := resp.Header.Get("Location"), resp.Request.Method == http.MethodGet
	if location == "" || resp.StatusCode != http.StatusAccepted && !isStatus {
		return
	}
	if to, err := resp.Request.URL.Parse(location); err == nil {
		p.at = to
	}
}

// open gives the bytes of a request: those that the source has given before again, and
// then those that follow.
func (p *push) open(s span) (*body, error) {
	taken := p.src.Taken()
	b := &body{piece: piece{from: io.LimitReader(p.src, max(0, s.end-max(s.from, taken)))}}
	if s.from >= min(s.end, taken) {
		return b, nil
	}
	again, err := p.src.Again(p.ctx, s.from, min(s.end, taken))
	if err != nil {
		return nil, err
	}
	b.again, b.from = again, io.MultiReader(again, b.from)
	return b, nil
}

// A body is a piece of which some bytes may be read again.
type body struct {
	piece
	again io.Closer
}

// close ends reading again.
func (b *body) close() {
	b.end()
	if b.again != nil {
		_ = b.again.Close()
	}
}

func isSuccess(resp *http.Response) bool { return resp.StatusCode/100 == 2 }

// drop reads what is left of a small answer, so that its connection can be used again.
func drop(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 4096)
	_ = resp.Body.Close()
}
