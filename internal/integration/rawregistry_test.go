//go:build integration

package integration

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const (
	manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	configType   = "application/vnd.docker.container.image.v1+json"
	layerType    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// A rawRegistry speaks the registry's protocol with net/http alone.
type rawRegistry struct {
	url, user, password string
}

// do sends a request and fails the test unless the answer has the wanted status.
func (r rawRegistry) do(t *testing.T, req *http.Request, want int) (http.Header, []byte) {
	t.Helper()
	if r.user != "" {
		req.SetBasicAuth(r.user, r.password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %s, want %d\n%s", req.Method, req.URL, resp.Status, want, body)
	}
	return resp.Header, body
}

func (r rawRegistry) request(t *testing.T, method, path string, body []byte) *http.Request {
	t.Helper()
	url := path // an upload's location is a whole URL
	if strings.HasPrefix(path, "/") {
		url = r.url + path
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// catalog lists the repositories.
func (r rawRegistry) catalog(t *testing.T) []string {
	t.Helper()
	_, body := r.do(t, r.request(t, "GET", "/v2/_catalog?n=1000", nil), http.StatusOK)
	var answer struct{ Repositories []string }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("catalog: %v\n%s", err, body)
	}
	return answer.Repositories
}

// tags lists a repository's tags.
func (r rawRegistry) tags(t *testing.T, repo string) []string {
	t.Helper()
	_, body := r.do(t, r.request(t, "GET", "/v2/"+repo+"/tags/list", nil), http.StatusOK)
	var answer struct{ Tags []string }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("tags of %s: %v\n%s", repo, err, body)
	}
	return answer.Tags
}

// manifest reads a manifest and checks that every blob it names can be had.
func (r rawRegistry) manifest(t *testing.T, repo, ref string) string {
	t.Helper()
	req := r.request(t, "GET", "/v2/"+repo+"/manifests/"+ref, nil)
	req.Header.Set("Accept", manifestType)
	_, body := r.do(t, req, http.StatusOK)
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("manifest %s:%s: %v\n%s", repo, ref, err, body)
	}
	for _, blob := range append(m.Layers, m.Config) {
		header, _ := r.do(t, r.request(t, "HEAD", "/v2/"+repo+"/blobs/"+blob.Digest, nil), http.StatusOK)
		if got, want := header.Get("Content-Length"), fmt.Sprint(blob.Size); got != want {
			t.Errorf("blob %s of %s: %s bytes, want %s", blob.Digest, repo, got, want)
		}
	}
	return digest(body)
}

// pushBlob uploads a blob, or mounts it from a repository that has it.
func (r rawRegistry) pushBlob(t *testing.T, repo, from string, blob []byte) descriptor {
	t.Helper()
	d := descriptor{MediaType: layerType, Size: len(blob), Digest: digest(blob)}
	if from != "" {
		r.do(t, r.request(t, "POST", fmt.Sprintf("/v2/%s/blobs/uploads/?mount=%s&from=%s", repo, d.Digest, from), nil), http.StatusCreated)
		return d
	}
	header, _ := r.do(t, r.request(t, "POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusAccepted)
	put := r.request(t, "PUT", header.Get("Location")+"&digest="+d.Digest, blob)
	r.do(t, put, http.StatusCreated)
	return d
}

// pushManifest uploads a manifest under its tags and returns its digest.
func (r rawRegistry) pushManifest(t *testing.T, repo string, m manifest, tags ...string) string {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range tags {
		put := r.request(t, "PUT", "/v2/"+repo+"/manifests/"+tag, body)
		put.Header.Set("Content-Type", manifestType)
		r.do(t, put, http.StatusCreated)
	}
	return digest(body)
}

// A manifest is a Docker image manifest, version 2 schema 2.
type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Size      int    `json:"size"`
	Digest    string `json:"digest"`
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
