package mirror

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// keyRule makes a key, and a rule for its signatures.
func keyRule(t *testing.T, pattern string) (*ecdsa.PrivateKey, trustRule) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cosign.pub")
	steptest.PutFile(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	return key, trustRule{Images: pattern, Key: new(plan.Path(file))}
}

// An attacher puts signatures into a repository of the upstream registry.
type attacher struct {
	t          *testing.T
	b          *testbed.Registries
	repository string
}

func (a attacher) push(method, path, contentType, body string) {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, "/v2/"+a.repository+path, bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	a.b.Answer("upstream", &a.b.Upstream).ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		a.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

// layer puts a blob, and gives its place in a manifest.
func (a attacher) layer(mediaType, text string, annotations map[string]string) map[string]any {
	a.t.Helper()
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text)))
	a.push("POST", "/blobs/uploads/?digest="+digest, "application/octet-stream", text)
	return map[string]any{"mediaType": mediaType, "digest": digest, "size": len(text), "annotations": annotations}
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// attach puts layers under the tag that cosign takes for an image's signatures or, where
// they are of a type of their own, as its referrer.
func (a attacher) attach(digest, artifactType string, layers ...map[string]any) {
	a.t.Helper()
	m := map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "layers": layers,
		"config": a.layer("application/vnd.oci.image.config.v1+json", "{}", nil),
	}
	tag := strings.Replace(digest, ":", "-", 1) + ".sig"
	if artifactType != "" {
		m["artifactType"], m["subject"] = artifactType, map[string]any{"mediaType": manifestType, "digest": digest, "size": 1}
		tag = ""
	}
	body, err := json.Marshal(m)
	if err != nil {
		a.t.Fatal(err)
	}
	if tag == "" {
		tag = fmt.Sprintf("sha256:%x", sha256.Sum256(body))
	}
	a.push("PUT", "/manifests/"+tag, manifestType, string(body))
}

const documentType = "application/vnd.dev.cosign.simplesigning.v1+json"

// document is what cosign signs of an image.
func document(repository, digest string) string {
	return fmt.Sprintf(`{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`,
		testbed.UpstreamHost+"/"+repository, digest)
}

// cosignUpstream puts the signature of an image into its repository, as cosign does.
func cosignUpstream(t *testing.T, b *testbed.Registries, key *ecdsa.PrivateKey, repository, digest string) {
	t.Helper()
	doc := document(repository, digest)
	sum := sha256.Sum256([]byte(doc))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	a := attacher{t, b, repository}
	a.attach(digest, "", a.layer(documentType, doc, map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(sig)}))
}

// What a key proves is copied, from a registry and from a layout to which the signature
// came along. An unchanged run asks for no signature.
func TestMirrorTrustKey(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Pushable(t)
	key, rule := keyRule(t, testbed.UpstreamHost+"/signed/*")
	good := b.MultiPlatform(t, "signed/app:1", "amd64")
	b.MultiPlatform(t, "signed/other:1", "s390x")
	cosignUpstream(t, b, key, "signed/app", good)
	asked := countSignatures(b)

	layout := filepath.Join(t.TempDir(), "layout")
	m := trusting(b, rule)
	m.To, m.Signatures.Other.Keep = layoutAt(layout), "copy"
	m.Images = testbed.Inline(testbed.UpstreamHost+"/signed/app:1", testbed.UpstreamHost+"/signed/other:1")
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := testbed.UpstreamHost + "/signed/other:1 is not trusted: there is no signature of it in its repository; the rule is " + testbed.UpstreamHost + "/signed/* (key cosign.pub)"
	if f.Err == nil || !strings.HasSuffix(f.Err.Error(), want) {
		t.Errorf("got  %v\nwant %s", f.Err, want)
	}
	m.Images = testbed.Inline(testbed.UpstreamHost + "/signed/app:1")
	if f, err = m.Diff(t.Context(), &runner.Disk{}, nil); err != nil {
		t.Fatal(err)
	}
	out, err := f.Change.Apply(t.Context(), &steptest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	m.Signatures.Other.Keep = "ignore"
	asked.Store(0)
	if f, err = m.Diff(t.Context(), &runner.Disk{}, &runner.Record{Outputs: out}); err != nil || f.Change != nil || asked.Load() != 0 {
		t.Errorf("unchanged: asked %d times: %+v, %v", asked.Load(), f, err)
	}

	rule.Images = "oci:" + layout + ":**"
	from := trusting(b, rule)
	for _, name := range []string{"oci:" + layout, "oci:" + layout + ":signed/app:1"} {
		from.Images = testbed.Inline(name)
		if f, err = from.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Err != nil || len(f.Change.Items) != 1 {
			t.Errorf("from %s: %+v, %v", name, f, err)
		}
	}
	_, from.Signatures.Other.Trust[0] = keyRule(t, rule.Images)
	if f, err = from.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Err == nil || !strings.Contains(f.Err.Error(), "it is not signed by the key") {
		t.Errorf("another key: %+v, %v", f, err)
	}
}

// countSignatures counts the requests to the upstream registry for signatures.
func countSignatures(b *testbed.Registries) *atomic.Int64 {
	var asked atomic.Int64
	before := b.Before["upstream"]
	b.Before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, ".sig") || strings.Contains(r.URL.Path, "/referrers/") {
			asked.Add(1)
		}
		return before(w, r)
	}
	return &asked
}
