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
	"net/url"
	"strings"
	"testing"
)

const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

// A rawRegistry speaks the registry protocol with only net/http.
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
	_, names := r.page(t, "/v2/_catalog?n=1000")
	return names
}

// page reads one page of the catalog.
func (r rawRegistry) page(t *testing.T, path string) (http.Header, []string) {
	t.Helper()
	header, body := r.do(t, r.request(t, "GET", path, nil), http.StatusOK)
	var answer struct{ Repositories []string }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("catalog: %v\n%s", err, body)
	}
	return header, answer.Repositories
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

// manifest reads a manifest, and with an index the manifests in it. It checks that
// every blob is there, and returns the digest.
func (r rawRegistry) manifest(t *testing.T, repo, ref string) string {
	t.Helper()
	req := r.request(t, "GET", "/v2/"+repo+"/manifests/"+ref, nil)
	req.Header["Accept"] = []string{docker.manifest, docker.index, oci.manifest, oci.index}
	_, body := r.do(t, req, http.StatusOK)
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("manifest %s:%s: %v\n%s", repo, ref, err, body)
	}
	for _, child := range m.Manifests {
		if got := r.manifest(t, repo, child.Digest); got != child.Digest {
			t.Errorf("%s of %s is %s", child.Digest, repo, got)
		}
	}
	for _, blob := range m.blobs() {
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
	d := descriptor{MediaType: docker.layer, Size: len(blob), Digest: digest(blob)}
	if from != "" {
		r.do(t, r.request(t, "POST", fmt.Sprintf("/v2/%s/blobs/uploads/?mount=%s&from=%s", repo, d.Digest, from), nil), http.StatusCreated)
		return d
	}
	header, _ := r.do(t, r.request(t, "POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusAccepted)
	put := r.request(t, "PUT", withQuery(t, header.Get("Location"), "digest", d.Digest), blob)
	r.do(t, put, http.StatusCreated)
	return d
}

// pushManifest uploads a manifest under its tags, or under its digest if it has
// none, and returns its descriptor.
func (r rawRegistry) pushManifest(t *testing.T, repo string, m manifest, tags ...string) descriptor {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	d := descriptor{MediaType: m.MediaType, Size: len(body), Digest: digest(body)}
	if len(tags) == 0 {
		tags = []string{d.Digest}
	}
	for _, tag := range tags {
		put := r.request(t, "PUT", "/v2/"+repo+"/manifests/"+tag, body)
		put.Header.Set("Content-Type", m.MediaType)
		r.do(t, put, http.StatusCreated)
	}
	return d
}

// A dialect holds the media types of one of the two families of images.
type dialect struct {
	index, manifest, config, layer string
}

var (
	docker = dialect{
		index:    "application/vnd.docker.distribution.manifest.list.v2+json",
		manifest: manifestType,
		config:   "application/vnd.docker.container.image.v1+json",
		layer:    "application/vnd.docker.image.rootfs.diff.tar.gzip",
	}
	oci = dialect{
		index:    "application/vnd.oci.image.index.v1+json",
		manifest: "application/vnd.oci.image.manifest.v1+json",
		config:   "application/vnd.oci.image.config.v1+json",
		layer:    "application/vnd.oci.image.layer.v1.tar+gzip",
	}
)

// A manifest is the manifest of an image or, with manifests, an index.
type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        *descriptor  `json:"config,omitempty"`
	Layers        []descriptor `json:"layers,omitempty"`
	Manifests     []descriptor `json:"manifests,omitempty"`
}

func (m manifest) blobs() []descriptor {
	if m.Config == nil {
		return nil
	}
	return append(m.Layers[:len(m.Layers):len(m.Layers)], *m.Config)
}

type descriptor struct {
	MediaType string    `json:"mediaType"`
	Size      int       `json:"size"`
	Digest    string    `json:"digest"`
	Platform  *platform `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// withQuery adds a parameter to the query of an address.
func withQuery(t *testing.T, address, key, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set(key, value)
	u.RawQuery = query.Encode()
	return u.String()
}
