package mirror

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/dev/sigstore"
	"github.com/bayplan/bayplan/internal/trust/cosign"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// A signingBench has a Sigstore instance, and a rule for who signs by it.
type signingBench struct {
	*testbed.Registries
	*sigstore.Instance
	by   sigstore.Signer
	rule trustRule
}

func newSigningBench(t *testing.T) *signingBench {
	t.Helper()
	b := &signingBench{Registries: testbed.NewRegistries(t), Instance: sigstore.New(t)}
	b.Pushable(t)
	b.by = sigstore.Signer{Identity: "https://git.test/app/release@v1", Issuer: "https://issuer.test", From: b.Start.Add(time.Hour)}
	file := filepath.Join(t.TempDir(), "trusted_root.json")
	steptest.PutFile(t, file, string(b.RootFile()))
	b.rule = trustRule{Images: testbed.UpstreamHost + "/signed/*", Issuer: &b.by.Issuer, Identity: new("https://git.test/app/release@*"), Root: new(plan.Path(file))}
	return b
}

// document puts a signed document, and gives its layer.
func (b *signingBench) document(a attacher, by sigstore.Signer, repository, digest string) map[string]any {
	doc := document(repository, digest)
	return a.layer(documentType, doc, b.Annotations(b.Sign(by, sigstore.What{Text: []byte(doc)}, sigstore.Promise)))
}

// bundle puts a bundle that signs a digest, and gives its layer.
func (b *signingBench) bundle(a attacher, by sigstore.Signer, digest string) map[string]any {
	statement := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`, strings.TrimPrefix(digest, "sha256:"))
	what := sigstore.What{Envelope: &cosign.Envelope{Type: "application/vnd.in-toto+json", Payload: []byte(statement)}}
	return a.layer(sigstore.Bundle03, string(b.Bundle(b.Sign(by, what, sigstore.Second), sigstore.Bundle03)), nil)
}

// The digest that is copied must be signed by who is trusted, in either layout.
func TestMirrorTrustKeyless(t *testing.T) {
	for name, tt := range map[string]struct {
		attach func(b *signingBench, a attacher, digest string, other sigstore.Signer)
		want   string
	}{
		"a document": {func(b *signingBench, a attacher, digest string, _ sigstore.Signer) {
			a.attach(digest, "", b.document(a, b.by, "signed/app", digest))
		}, ""},
		"a bundle": {func(b *signingBench, a attacher, digest string, _ sigstore.Signer) {
			a.attach(digest, sigstore.Bundle03, b.bundle(a, b.by, digest))
		}, ""},
		"the second document is right": {func(b *signingBench, a attacher, digest string, other sigstore.Signer) {
			a.attach(digest, "", b.document(a, other, "signed/app", digest), b.document(a, b.by, "signed/app", digest))
		}, ""},
		"no signature": {func(*signingBench, attacher, string, sigstore.Signer) {}, "there is no signature of it in its repository"},
		"somebody else": {func(b *signingBench, a attacher, digest string, other sigstore.Signer) {
			a.attach(digest, "", b.document(a, other, "signed/app", digest))
		}, "it is signed by https://git.test/other/release@v1, as https://issuer.test says"},
		"a document for another repository": {func(b *signingBench, a attacher, digest string, _ sigstore.Signer) {
			a.attach(digest, "", b.document(a, b.by, "signed/other", digest))
		}, "it is for another repository, " + testbed.UpstreamHost + "/signed/other"},
		"a document for another image": {func(b *signingBench, a attacher, digest string, _ sigstore.Signer) {
			a.attach(digest, "", b.document(a, b.by, "signed/app", strings.Repeat("a", 71)))
		}, "it is for another image, "},
		"a bundle for another image": {func(b *signingBench, a attacher, digest string, _ sigstore.Signer) {
			a.attach(digest, sigstore.Bundle03, b.bundle(a, b.by, "sha256:"+strings.Repeat("a", 64)))
		}, "it is for another image, sha256:aaaa"},
		"a document by a key": {func(b *signingBench, a attacher, digest string, _ sigstore.Signer) {
			key, _ := keyRule(a.t, "**")
			cosignUpstream(a.t, b.Registries, key, "signed/app", digest)
		}, "it has no certificate that says who has signed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newSigningBench(t)
			digest := b.MultiPlatform(t, "signed/app:1", "amd64", "s390x")
			other := b.by
			other.Identity = "https://git.test/other/release@v1"
			tt.attach(b, attacher{t, b.Registries, "signed/app"}, digest, other)
			m := trusting(b.Registries, b.rule)
			m.Images = testbed.Inline(testbed.UpstreamHost + "/signed/app:1")
			f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if (f.Err == nil) != (tt.want == "") || f.Err != nil && !strings.Contains(f.Err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", f.Err, tt.want)
			}
			const rule = "; the rule is " + testbed.UpstreamHost + "/signed/* (https://git.test/app/release@* by https://issuer.test)"
			if f.Err != nil && !strings.HasSuffix(f.Err.Error(), rule) {
				t.Errorf("%v does not name the rule", f.Err)
			}
		})
	}
}

// No more is read of what may hold signatures than is needed: a registry can have much of it.
func TestMirrorTrustReadsLittle(t *testing.T) {
	for name, tt := range map[string]struct {
		inTag, bundles int
		refuse         string // all requests whose paths hold it
		want           string
		read           int // manifests: of the one platform, and of referrers
	}{
		"the tag's is right":                             {1, 3, "", "", 1},
		"the tag's is right, and the rest cannot be had": {1, 3, "/referrers/", "", 1},
		"the first referrer's is right":                  {0, 3, "", "", 2},
		"no list of referrers":                           {0, 1, "/referrers/", "there is no signature of it in its repository", 0},
		"the tag cannot be read":                         {1, 1, ".sig", "looking for its signatures: ", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newSigningBench(t)
			digest := b.MultiPlatform(t, "signed/app:1", "amd64")
			a := attacher{t, b.Registries, "signed/app"}
			if tt.inTag > 0 {
				a.attach(digest, "", b.document(a, b.by, "signed/app", digest))
			}
			for range tt.bundles {
				a.attach(digest, sigstore.Bundle03, b.bundle(a, b.by, digest))
			}
			var read atomic.Int64
			before := b.Before["upstream"]
			b.Before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, "/manifests/sha256:") && !strings.HasSuffix(r.URL.Path, digest) {
					read.Add(1)
				}
				if tt.refuse == "" || !strings.Contains(r.URL.Path, tt.refuse) {
					return before(w, r)
				}
				w.WriteHeader(http.StatusBadRequest)
				return true
			}
			m := trusting(b.Registries, b.rule)
			m.Images = testbed.Inline(testbed.UpstreamHost + "/signed/app:1")
			f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if (f.Err == nil) != (tt.want == "") || f.Err != nil && !strings.Contains(f.Err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", f.Err, tt.want)
			}
			if int(read.Load()) != tt.read {
				t.Errorf("%d manifests are read by their digests, want %d", read.Load(), tt.read)
			}
		})
	}
}

// The index is what must be signed, not one of its images.
func TestMirrorTrustKeylessChild(t *testing.T) {
	b := newSigningBench(t)
	b.MultiPlatform(t, "signed/app:1", "amd64", "s390x")
	m := trusting(b.Registries, b.rule)
	m.Images = testbed.Inline(testbed.UpstreamHost + "/signed/app:1")
	m.Platforms = []string{"linux/amd64"}
	child, err := trusting(b.Registries, unsigned("**")).childOf(t, m)
	if err != nil {
		t.Fatal(err)
	}
	a := attacher{t, b.Registries, "signed/app"}
	a.attach(child, "", b.document(a, b.by, "signed/app", child))
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Err == nil || !strings.Contains(f.Err.Error(), "there is no signature of it") {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestMirrorTrustKeylessRules(t *testing.T) {
	b := newSigningBench(t)
	text := func(s string) *string { return &s }
	wrong := filepath.Join(t.TempDir(), "root")
	steptest.PutFile(t, wrong, "{}")
	for name, tt := range map[string]struct {
		change func(r *trustRule)
		want   string
	}{
		"good":         {func(*trustRule) {}, ""},
		"not known":    {func(r *trustRule) { r.Issuer, r.Identity, r.Root = text(""), text(""), new(plan.Path("")) }, ""},
		"no root":      {func(r *trustRule) { r.Root = nil }, "signatures.trust[0]: it has no root, so that nothing can prove these images"},
		"no issuer":    {func(r *trustRule) { r.Issuer = nil }, "signatures.trust[0]: it has no issuer, so that nothing says who knows the signer"},
		"no identity":  {func(r *trustRule) { r.Identity = nil }, "signatures.trust[0]: it has no identity, so that nothing says who may have signed"},
		"only a root":  {func(r *trustRule) { r.Issuer, r.Identity = nil, nil }, "signatures.trust[0]: it has no issuer"},
		"a pattern":    {func(r *trustRule) { r.Issuer = text("https://*") }, `issuer: "https://*" is a pattern, and an issuer is written out`},
		"a key beside": {func(r *trustRule) { r.Key = new(plan.Path("/k")) }, "it has issuer and key, and a rule has one kind of proof"},
	} {
		t.Run(name, func(t *testing.T) {
			rule := b.rule
			tt.change(&rule)
			err := trusting(b.Registries, rule).Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	rule := b.rule
	rule.Root = new(plan.Path(wrong))
	m := trusting(b.Registries, rule)
	if err := m.CheckFiles(t.Context(), &runner.Disk{}, true); err == nil || !strings.Contains(err.Error(), "signatures.trust[0].root: read the trusted root in "+wrong) {
		t.Errorf("got %v", err)
	}
	if err := steptest.Failure(m.Diff(t.Context(), &runner.Disk{}, nil)); err == nil || !strings.Contains(err.Error(), "signatures.trust[0]: root: read the trusted root") {
		t.Errorf("got %v", err)
	}
}
