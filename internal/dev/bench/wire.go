package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// wire speaks the distribution protocol with one registry: a function for each
// request, nothing asked twice, nothing checked beyond the status.
type wire struct {
	host   string
	client *http.Client
}

var errNotFound = errors.New("not found")

func newWire(host string, connections int) *wire {
	return &wire{host: host, client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: connections, DisableCompression: true, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
	}}}
}

// do sends one request. The caller closes the answer's body.
func (w *wire) do(ctx context.Context, method, path string, body io.Reader, length int64, want int) (*http.Response, error) {
	address := path
	if strings.HasPrefix(path, "/") {
		address = "http://" + w.host + path
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = length
	switch {
	case body == nil:
	case strings.Contains(path, "/manifests/"):
		req.Header.Set("Content-Type", typeManifest)
	default:
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	req.Header.Set("Accept", typeManifest)
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == want {
		return resp, nil
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s %s: %w", method, address, errNotFound)
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
	return nil, fmt.Errorf("%s %s: %s: %s", method, address, resp.Status, text)
}

// done reads an answer to its end, for the connection to be used again.
func done(resp *http.Response, err error) (http.Header, error) {
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.Header, err
}

// head gives the digest that a tag stands for, "" when there is no such tag.
func (w *wire) head(ctx context.Context, e entry) (string, error) {
	h, err := done(w.do(ctx, http.MethodHead, manifestPath(e.Repository, e.Tag), nil, 0, http.StatusOK))
	if errors.Is(err, errNotFound) {
		return "", nil
	}
	return h.Get("Docker-Content-Digest"), err
}

func (w *wire) manifest(ctx context.Context, e entry) ([]byte, error) {
	resp, err := w.do(ctx, http.MethodGet, manifestPath(e.Repository, e.Digest), nil, 0, http.StatusOK)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func (w *wire) putManifest(ctx context.Context, e entry, data []byte) error {
	_, err := done(w.do(ctx, http.MethodPut, manifestPath(e.Repository, e.Tag), bytes.NewReader(data), int64(len(data)), http.StatusCreated))
	return err
}

func (w *wire) blob(ctx context.Context, repository, digest string) (*http.Response, error) {
	return w.do(ctx, http.MethodGet, "/v2/"+repository+"/blobs/"+digest, nil, 0, http.StatusOK)
}

// upload begins an upload and gives where it goes on.
func (w *wire) upload(ctx context.Context, repository string) (*url.URL, error) {
	h, err := done(w.do(ctx, http.MethodPost, "/v2/"+repository+"/blobs/uploads/", nil, 0, http.StatusAccepted))
	if err != nil {
		return nil, err
	}
	return url.Parse(h.Get("Location"))
}

// finish ends an upload with what is left of the blob.
func (w *wire) finish(ctx context.Context, to *url.URL, d descriptor, body io.Reader) error {
	query := to.Query()
	query.Set("digest", d.Digest)
	to.RawQuery = query.Encode()
	_, err := done(w.do(ctx, http.MethodPut, to.String(), body, d.Size, http.StatusCreated))
	return err
}

// mount lets a repository have a blob of another one.
func (w *wire) mount(ctx context.Context, repository, from, digest string) error {
	query := url.Values{"mount": {digest}, "from": {from}}
	_, err := done(w.do(ctx, http.MethodPost, "/v2/"+repository+"/blobs/uploads/?"+query.Encode(), nil, 0, http.StatusCreated))
	return err
}

func manifestPath(repository, ref string) string { return "/v2/" + repository + "/manifests/" + ref }

// arrived makes sure that all images are at a registry.
func arrived(ctx context.Context, host string, images []entry) error {
	w := newWire(host, 1)
	for _, e := range images {
		switch have, err := w.head(ctx, e); {
		case err != nil:
			return err
		case have != e.Digest:
			return fmt.Errorf("%s is %q there, not %s", e.at(host), have, e.Digest)
		}
	}
	return nil
}
