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

// A registryClient speaks the distribution protocol with one registry. It has a
// function for each request, repeats none, and checks only the status.
type registryClient struct {
	host   string
	client *http.Client
}

var errNotFound = errors.New("not found")

func newRegistryClient(host string, connections int) *registryClient {
	return &registryClient{host: host, client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: connections, DisableCompression: true, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
	}}}
}

// do sends one request. The caller closes the body of the response.
func (c *registryClient) do(ctx context.Context, method, path string, body io.Reader, length int64, want int) (*http.Response, error) {
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

// drain reads a response to its end, so that the connection can be reused.
func drain(resp *http.Response, err error) (http.Header, error) {
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.Header, err
}

// head returns the digest of a tag, "" if the tag does not exist.
func (c *registryClient) head(ctx context.Context, e entry) (string, error) {
	h, err := drain(c.do(ctx, http.MethodHead, manifestPath(e.Repository, e.Tag), nil, 0, http.StatusOK))
	if errors.Is(err, errNotFound) {
		return "", nil
	}
	return h.Get("Docker-Content-Digest"), err
}

func (c *registryClient) manifest(ctx context.Context, e entry) ([]byte, error) {
	resp, err := c.do(ctx, http.MethodGet, manifestPath(e.Repository, e.Digest), nil, 0, http.StatusOK)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func (c *registryClient) putManifest(ctx context.Context, e entry, data []byte) error {
	_, err := drain(c.do(ctx, http.MethodPut, manifestPath(e.Repository, e.Tag), bytes.NewReader(data), int64(len(data)), http.StatusCreated))
	return err
}

func (c *registryClient) blob(ctx context.Context, repository, digest string) (*http.Response, error) {
	return c.do(ctx, http.MethodGet, "/v2/"+repository+"/blobs/"+digest, nil, 0, http.StatusOK)
}

// startUpload starts an upload and returns its location.
func (c *registryClient) startUpload(ctx context.Context, repository string) (*url.URL, error) {
	h, err := drain(c.do(ctx, http.MethodPost, "/v2/"+repository+"/blobs/uploads/", nil, 0, http.StatusAccepted))
	if err != nil {
		return nil, err
	}
	return url.Parse(h.Get("Location"))
}

// finishUpload finishes an upload with the rest of the blob.
func (c *registryClient) finishUpload(ctx context.Context, to *url.URL, d descriptor, body io.Reader) error {
	query := to.Query()
	query.Set("digest", d.Digest)
	to.RawQuery = query.Encode()
	_, err := drain(c.do(ctx, http.MethodPut, to.String(), body, d.Size, http.StatusCreated))
	return err
}

// mount mounts a blob of another repository.
func (c *registryClient) mount(ctx context.Context, repository, from, digest string) error {
	query := url.Values{"mount": {digest}, "from": {from}}
	_, err := drain(c.do(ctx, http.MethodPost, "/v2/"+repository+"/blobs/uploads/?"+query.Encode(), nil, 0, http.StatusCreated))
	return err
}

func manifestPath(repository, ref string) string { return "/v2/" + repository + "/manifests/" + ref }

// checkImages checks that a registry has all images.
func checkImages(ctx context.Context, host string, images []entry) error {
	c := newRegistryClient(host, 1)
	for _, e := range images {
		switch have, err := c.head(ctx, e); {
		case err != nil:
			return err
		case have != e.Digest:
			return fmt.Errorf("%s is %q there, not %s", e.nameAt(host), have, e.Digest)
		}
	}
	return nil
}
