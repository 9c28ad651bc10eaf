package cosign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/trust"
)

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeEmpty    = "application/vnd.oci.empty.v1+json"
	host         = "quay.example"
	digestB      = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// A bench is a registry with an image mine/app:1.
type bench struct {
	t      *testing.T
	server http.Handler
	client *registry.Client
	image  trust.Image
}

func newBench(t *testing.T) *bench {
	t.Helper()
	server, err := registryserver.New(registryserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	b := &bench{t: t, server: server}
	if b.client, err = registry.New([]registry.Host{{Name: host, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.server.ServeHTTP(w, r) })}}); err != nil {
		t.Fatal(err)
	}
	digest := b.manifest("1", map[string]any{"config": b.blob(typeEmpty, []byte("{}")), "layers": []any{b.blob("application/vnd.oci.image.layer.v1.tar", []byte("layer"))}})
	b.image = trust.NewImage(host+"/mine/app:1", digest)
	return b
}

func (b *bench) send(method, path, contentType string, body []byte) {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, "/v2/mine/app"+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		b.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

func (b *bench) blob(mediaType string, content []byte) map[string]any {
	b.t.Helper()
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
	b.send("POST", "/blobs/uploads/?digest="+digest, "application/octet-stream", content)
	return map[string]any{"mediaType": mediaType, "digest": digest, "size": len(content)}
}

// manifest puts a manifest under a tag, or by its digest.
func (b *bench) manifest(tag string, fields map[string]any) string {
	b.t.Helper()
	fields["schemaVersion"], fields["mediaType"] = 2, typeManifest
	body := encode(b.t, fields)
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(body))
	if tag == "" {
		tag = digest
	}
	b.send("PUT", "/manifests/"+tag, typeManifest, body)
	return digest
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// attach puts layers where cosign puts signatures: under its tag, or as a referrer.
func (b *bench) attach(referrer bool, artifactType string, layers ...any) {
	b.t.Helper()
	fields := map[string]any{"config": b.blob(typeEmpty, []byte("{}")), "layers": layers}
	tag := strings.Replace(b.image.Digest, ":", "-", 1) + ".sig"
	if referrer {
		tag = ""
		fields["artifactType"] = artifactType
		fields["subject"] = map[string]any{"mediaType": typeManifest, "digest": b.image.Digest, "size": 1}
	}
	b.manifest(tag, fields)
}

func (b *bench) document(key crypto.Signer, digest, reference string) map[string]any {
	b.t.Helper()
	text := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, reference, digest)
	layer := b.blob(typeDocument, text)
	layer["annotations"] = map[string]string{keySignature: base64.StdEncoding.EncodeToString(signText(b.t, key, text))}
	return layer
}

func statement(digest, predicate string) string {
	return fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":%q,"predicate":{}}`, strings.TrimPrefix(digest, "sha256:"), predicate)
}

func (b *bench) bundle(key crypto.Signer, payloadType, payload string) map[string]any {
	b.t.Helper()
	signed := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
	return b.blob(typeBundle03, encode(b.t, map[string]any{
		"mediaType":            typeBundle03,
		"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": "x"}},
		"dsseEnvelope": map[string]any{
			"payload": []byte(payload), "payloadType": payloadType, "signatures": []any{map[string]any{"sig": signText(b.t, key, signed)}},
		},
	}))
}

func signText(t *testing.T, key crypto.Signer, text []byte) []byte {
	t.Helper()
	hash, sum := crypto.Hash(0), text
	if _, pure := key.(ed25519.PrivateKey); !pure {
		digest := sha256.Sum256(text)
		hash, sum = crypto.SHA256, digest[:]
	}
	sig, err := key.Sign(rand.Reader, sum, hash)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func newKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicPEM(t *testing.T, keys ...crypto.Signer) []byte {
	t.Helper()
	var all []byte
	for _, k := range keys {
		der, err := x509.MarshalPKIXPublicKey(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})...)
	}
	return all
}

func (b *bench) proof(keys ...crypto.Signer) *Proof {
	b.t.Helper()
	trusted, err := ParseKeys("cosign.pub", publicPEM(b.t, keys...))
	if err != nil {
		b.t.Fatal(err)
	}
	return &Proof{Verifier: trusted, Registry: b.client, Canonical: b.client.Canonical}
}

func TestCheck(t *testing.T) {
	mine, other := newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	const sig = "application/vnd.dev.cosign.artifact.sig.v1+json"
	for name, tt := range map[string]struct {
		attach func(b *bench)
		want   string
	}{
		"no signature":                {func(*bench) {}, "there is no signature of it in its repository"},
		"a document under its tag":    {func(b *bench) { b.attach(false, "", b.document(mine, b.image.Digest, host+"/mine/app")) }, ""},
		"a document with a tag in it": {func(b *bench) { b.attach(false, "", b.document(mine, b.image.Digest, host+"/mine/app:0")) }, ""},
		"a document without a name":   {func(b *bench) { b.attach(false, "", b.document(mine, b.image.Digest, "")) }, ""},
		"a document as a referrer":    {func(b *bench) { b.attach(true, sig, b.document(mine, b.image.Digest, host+"/mine/app")) }, ""},
		"a bundle": {func(b *bench) {
			b.attach(true, typeBundle03, b.bundle(mine, typeStatement, statement(b.image.Digest, signPredicate)))
		}, ""},
		"the second is right": {func(b *bench) {
			b.attach(false, "", b.document(other, b.image.Digest, host+"/mine/app"), b.document(mine, b.image.Digest, host+"/mine/app"))
		}, ""},
		"a bundle is right and the tag is not": {func(b *bench) {
			b.attach(false, "", b.document(other, b.image.Digest, host+"/mine/app"))
			b.attach(true, typeBundle03, b.bundle(mine, typeStatement, statement(b.image.Digest, signPredicate)))
		}, ""},
		"another key": {func(b *bench) { b.attach(false, "", b.document(other, b.image.Digest, host+"/mine/app")) }, ".sig: it is not signed by the key"},
		"two by another key": {func(b *bench) {
			b.attach(false, "", b.document(other, b.image.Digest, host+"/mine/app"), b.document(other, b.image.Digest, host+"/mine/app:1"))
		}, ".sig, signature 2: it is not signed by the key"},
		"another digest":     {func(b *bench) { b.attach(false, "", b.document(mine, digestB, host+"/mine/app")) }, "it is for another image, " + digestB},
		"another repository": {func(b *bench) { b.attach(false, "", b.document(mine, b.image.Digest, host+"/mine/other")) }, "it is for another repository, quay.example/mine/other"},
		"a cut signature": {func(b *bench) {
			layer := b.document(mine, b.image.Digest, host+"/mine/app")
			layer["annotations"] = map[string]string{keySignature: "AAAA"}
			b.attach(false, "", layer)
		}, "it is not signed by the key"},
		"no base64": {func(b *bench) {
			layer := b.document(mine, b.image.Digest, host+"/mine/app")
			layer["annotations"] = map[string]string{keySignature: "<html>"}
			b.attach(false, "", layer)
		}, "it has no signature under dev.cosignproject.cosign/signature"},
		"another document": {func(b *bench) {
			layer := b.blob(typeDocument, []byte("<html>"))
			layer["annotations"] = map[string]string{keySignature: base64.StdEncoding.EncodeToString(signText(t, mine, []byte("<html>")))}
			b.attach(false, "", layer)
		}, "it holds no document of simple signing"},
		"an empty manifest":     {func(b *bench) { b.attach(false, "") }, "its manifest holds no signature"},
		"another type of layer": {func(b *bench) { b.attach(false, "", b.blob("application/jose+json", []byte("{}"))) }, `it is of the type "application/jose+json", which is not judged`},
		"a bundle by another key": {func(b *bench) {
			b.attach(true, typeBundle03, b.bundle(other, typeStatement, statement(b.image.Digest, signPredicate)))
		}, "it is not signed by the key"},
		"a bundle for another digest": {func(b *bench) {
			b.attach(true, typeBundle03, b.bundle(mine, typeStatement, statement(digestB, signPredicate)))
		}, "it is for another image, " + digestB},
		"a bundle with another payload": {func(b *bench) {
			b.attach(true, typeBundle03, b.bundle(mine, "text/plain", statement(b.image.Digest, signPredicate)))
		}, `it signs a payload of the type "text/plain"`},
		"a bundle with an attestation": {func(b *bench) {
			b.attach(true, typeBundle03, b.bundle(mine, typeStatement, statement(b.image.Digest, "https://slsa.dev/provenance/v1")))
		}, `it is an attestation of the type "https://slsa.dev/provenance/v1", which is not judged`},
		"a bundle about nothing": {func(b *bench) {
			b.attach(true, typeBundle03, b.bundle(mine, typeStatement, `{"_type":"https://in-toto.io/Statement/v1","predicateType":"`+signPredicate+`"}`))
		}, "its statement is about nothing"},
		"no bundle": {func(b *bench) { b.attach(true, typeBundle03, b.blob(typeBundle03, []byte("<html>"))) }, "it is not a bundle that can be read"},
		"an empty bundle": {func(b *bench) {
			b.attach(true, typeBundle03, b.blob(typeBundle03, []byte(`{"mediaType":"`+typeBundle03+`"}`)))
		}, "the bundle holds no signature"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			tt.attach(b)
			err := b.proof(mine).Check(t.Context(), b.image)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// A mirror's image may be signed under the name where it comes from.
func TestCheckSignedAs(t *testing.T) {
	mine := newKey(t, elliptic.P256())
	b := newBench(t)
	b.attach(false, "", b.document(mine, b.image.Digest, "registry.example/app"))
	im := b.image
	for signedAs, want := range map[string]string{"": "it is for another repository, registry.example/app", "registry.example/app": "", "registry.example/other": "it is for another repository, registry.example/app"} {
		im.SignedAs = signedAs
		if err := b.proof(mine).Check(t.Context(), im); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("as %q: got %v, want %s", signedAs, err, want)
		}
	}
}

// A registry may not have the manifest that it lists, or may send another blob.
func TestCheckLyingRegistry(t *testing.T) {
	mine := newKey(t, elliptic.P256())
	b := newBench(t)
	b.attach(false, "", b.document(mine, b.image.Digest, host+"/mine/app"))
	honest := b.server
	b.server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			_, _ = w.Write([]byte(`{"critical":{}}`))
			return
		}
		honest.ServeHTTP(w, r)
	})
	if err := b.proof(mine).Check(t.Context(), b.image); err == nil {
		t.Error("another blob than that of the digest is taken")
	}
	var many []any
	b = newBench(t)
	for i := range maxSignatures + 5 {
		many = append(many, b.document(mine, digestB, fmt.Sprintf("%s/mine/app:%d", host, i)))
	}
	b.attach(false, "", append(many, b.document(mine, b.image.Digest, host+"/mine/app"))...)
	if err := b.proof(mine).Check(t.Context(), b.image); err == nil || !strings.Contains(err.Error(), "and 25 more") {
		t.Errorf("got %v", err)
	}
}

func TestKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"P-256": newKey(t, elliptic.P256()), "P-384": newKey(t, elliptic.P384()), "P-521": newKey(t, elliptic.P521()), "RSA": rsaKey, "Ed25519": ed} {
		keys, err := ParseKeys("k", publicPEM(t, newKey(t, elliptic.P256()), key))
		if err != nil {
			t.Fatal(err)
		}
		s := &Signature{Text: []byte("text"), Signature: signText(t, key, []byte("text"))}
		if err := keys.Check(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s.Text = []byte("texts")
		if keys.Check(s) == nil {
			t.Errorf("%s: another text is taken", name)
		}
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := string(publicPEM(t, rsaKey))
	large := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), maxRSA), E: 65537}
	if err := CheckKey(large); err == nil || !strings.Contains(err.Error(), "has 16392 bits") {
		t.Errorf("a large key: %v", err)
	}
	for want, content := range map[string]string{
		"there is no public key in it":  "ssh-ed25519 AAAA",
		"it is a private key":           string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: []byte("x")})),
		"not a PUBLIC KEY":              string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})),
		"its public key cannot be read": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})),
		"has 1024 bits":                 string(publicPEM(t, small)),
		"something behind":              good + "-----BEGIN PUBLIC KEY-----\ncut",
	} {
		if _, err := ParseKeys("k", []byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A manifest that was signed as a file is signed by its digest.
func TestCheckMessage(t *testing.T) {
	key := newKey(t, elliptic.P256())
	b := newBench(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/mine/app/manifests/1", http.NoBody)
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	message := func(signature []byte) map[string]any {
		return b.blob(typeBundle03, encode(t, map[string]any{"mediaType": typeBundle03, "messageSignature": map[string]any{"signature": signature}}))
	}
	b.attach(true, typeBundle03, message(signText(t, key, []byte("another manifest"))))
	if err := b.proof(key).Check(t.Context(), b.image); err == nil || !strings.Contains(err.Error(), "it is not signed by the key") {
		t.Errorf("got %v", err)
	}
	b.attach(true, typeBundle03, message(signText(t, key, w.Body.Bytes())))
	if err := b.proof(key).Check(t.Context(), b.image); err != nil {
		t.Error(err)
	}
	for _, digest := range []string{"sha512:" + strings.Repeat("a", 128), "sha256:", "", "sha256:" + strings.Repeat("g", 64)} {
		if _, err := sumOf(digest); err == nil {
			t.Errorf("%q is taken", digest)
		}
	}
}
