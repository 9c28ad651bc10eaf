// Package wire is a bare client of the distribution protocol. It has a function for each request, repeats
// none, and checks only the status.
package wire

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

// typeManifest is the media type of all manifests of the benchmarks.
const typeManifest = "application/vnd.docker.distribution.manifest.v2+json"

// A Client speaks with one registry.
type Client struct {
	host   string
	client *http.Client
}

var errNotFound = errors.New("not found")

// New returns a client that keeps so many connections.
func New(host string, connections int) *Client {
	return &Client{host: host, client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: connections, DisableCompression: true, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
	}}}
}

// Do sends one request. The caller closes the body of the response.
func (c *Client) Do(ctx context.Context, method, path string, body io.Reader, length int64, want int) (*http.Response, error) {
	address := path
	if strings.HasPrefix(path, "/") {
		address = "http://" + c.host + path
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
	resp, err := c.client.Do(req)
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

// Drain reads a response to its end, so that the connection can be reused.
func Drain(resp *http.Response, err error) (http.Header, error) {
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.Header, err
}

// Head returns the digest of a tag, "" if the tag does not exist.
func (c *Client) Head(ctx context.Context, repository, tag string) (string, error) {
	h, err := Drain(c.Do(ctx, http.MethodHead, manifestPath(repository, tag), nil, 0, http.StatusOK))
	if errors.Is(err, errNotFound) {
		return "", nil
	}
	return h.Get("Docker-Content-Digest"), err
}

// Manifest reads a manifest by its digest.
func (c *Client) Manifest(ctx context.Context, repository, digest string) ([]byte, error) {
	resp, err := c.Do(ctx, http.MethodGet, manifestPath(repository, digest), nil, 0, http.StatusOK)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// PutManifest makes a tag stand for a manifest.
func (c *Client) PutManifest(ctx context.Context, repository, tag string, data []byte) error {
	_, err := Drain(c.Do(ctx, http.MethodPut, manifestPath(repository, tag), bytes.NewReader(data), int64(len(data)), http.StatusCreated))
	return err
}

// Blob asks for a blob. The caller closes the body of the response.
func (c *Client) Blob(ctx context.Context, repository, digest string) (*http.Response, error) {
	return c.Do(ctx, http.MethodGet, "/v2/"+repository+"/blobs/"+digest, nil, 0, http.StatusOK)
}

// StartUpload starts an upload and returns its location.
func (c *Client) StartUpload(ctx context.Context, repository string) (*url.URL, error) {
	h, err := Drain(c.Do(ctx, http.MethodPost, "/v2/"+repository+"/blobs/uploads/", nil, 0, http.StatusAccepted))
	if err != nil {
		return nil, err
	}
	return url.Parse(h.Get("Location"))
}

// FinishUpload finishes an upload with the rest of the blob.
func (c *Client) FinishUpload(ctx context.Context, to *url.URL, digest string, size int64, body io.Reader) error {
	query := to.Query()
	query.Set("digest", digest)
	to.RawQuery = query.Encode()
	_, err := Drain(c.Do(ctx, http.MethodPut, to.String(), body, size, http.StatusCreated))
	return err
}

// Mount mounts a blob of another repository.
func (c *Client) Mount(ctx context.Context, repository, from, digest string) error {
	query := url.Values{"mount": {digest}, "from": {from}}
	_, err := Drain(c.Do(ctx, http.MethodPost, "/v2/"+repository+"/blobs/uploads/?"+query.Encode(), nil, 0, http.StatusCreated))
	return err
}

func manifestPath(repository, ref string) string { return "/v2/" + repository + "/manifests/" + ref }
