package mirror

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
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

// cosignUpstream puts the signature of an image into its repository, as cosign does.
func cosignUpstream(t *testing.T, b *testbed.Registries, key *ecdsa.PrivateKey, repository, digest string) {
	t.Helper()
	push := func(method, path, contentType, body string) {
		r := httptest.NewRequestWithContext(t.Context(), method, "/v2/"+repository+path, bytes.NewReader([]byte(body)))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		b.Answer("upstream", &b.Upstream).ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
	blob := func(mediaType, text string) string {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text)))
		push("POST", "/blobs/uploads/?digest="+digest, "application/octet-stream", text)
		return fmt.Sprintf(`"mediaType":%q,"digest":%q,"size":%d`, mediaType, digest, len(text))
	}
	doc := fmt.Sprintf(`{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`,
		testbed.UpstreamHost+"/"+repository, digest)
	sum := sha256.Sum256([]byte(doc))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	const manifest = "application/vnd.oci.image.manifest.v1+json"
	push("PUT", "/manifests/"+strings.Replace(digest, ":", "-", 1)+".sig", manifest, fmt.Sprintf(
		`{"schemaVersion":2,"mediaType":%q,"config":{%s},"layers":[{%s,"annotations":{"dev.cosignproject.cosign/signature":%q}}]}`,
		manifest, blob("application/vnd.oci.image.config.v1+json", "{}"), blob("application/vnd.dev.cosign.simplesigning.v1+json", doc), base64.StdEncoding.EncodeToString(sig)))
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
