package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// unsigned is a rule that asks for no proof.
func unsigned(pattern string) trustRule { return trustRule{Images: pattern, Unsigned: new(true)} }

// gpgRule is a rule for OpenPGP signatures.
func gpgRule(pattern, keys, store string) trustRule {
	return trustRule{Images: pattern, GPG: new(plan.Path(keys)), Store: &store}
}

// trusting gives a mirror of the bench's list with these rules.
func trusting(b *testbed.Registries, rules ...trustRule) *mirror {
	m := newMirror(b)
	m.Signatures.Other.Trust = rules
	return m
}

func TestMirrorTrustValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		rule trustRule
		want string
	}{
		"good":                 {unsigned("quay.io/**"), ""},
		"gpg":                  {gpgRule("quay.io/**", "/keys", "https://store.example/sigs"), ""},
		"not known":            {trustRule{GPG: new(plan.Path("")), Store: new("")}, ""},
		"two proofs":           {trustRule{Images: "quay.io/**", GPG: new(plan.Path("/keys")), Store: new("https://store.example"), Unsigned: new(true)}, "signatures.trust[0]: it has gpg and unsigned, and a rule has one kind of proof"},
		"no store":             {trustRule{Images: "quay.io/**", GPG: new(plan.Path("/keys"))}, "signatures.trust[0]: "},
		"no key":               {trustRule{Images: "quay.io/**", Store: new("https://store.example")}, "signatures.trust[0]: "},
		"no URL":               {gpgRule("quay.io/**", "/keys", "store.example/sigs"), "signatures.trust[0]: store: "},
		"a key":                {trustRule{Images: "oci:/media/**", Key: new(plan.Path("/k"))}, ""},
		"two keys":             {trustRule{Images: "quay.io/**", Key: new(plan.Path("/k")), GPG: new(plan.Path("/k")), Store: new("https://store.example")}, "it has gpg and key, and a rule has one kind of proof"},
		"a store beside a key": {trustRule{Images: "quay.io/**", Key: new(plan.Path("/k")), Store: new("https://store.example")}, "store is given without gpg"},
		"a scheme":             {unsigned("https://quay.io/**"), `signatures.trust[0].images: "https://quay.io/**" begins with a scheme`},
		"a slash at the end":   {unsigned("quay.io/mine/"), "ends in a slash"},
		"renamed by a URL":     {trustRule{Images: "mirror.example/redhat/**", Key: new(plan.Path("/k")), SignedAs: new("https://registry.redhat.io/")}, `signatures.trust[0].signed_as: "https://registry.redhat.io/" begins with a scheme`},
		"renamed to a host":    {trustRule{Images: "mirror.example/redhat/**", Key: new(plan.Path("/k")), SignedAs: new("registry.redhat.io")}, "has no slash after the host"},
		"of a layout":          {gpgRule("oci:/media/**", "/keys", "https://store.example"), "signatures.trust[0].images: "},
		"no proof":             {trustRule{Images: "quay.io/**"}, "signatures.trust[0]: nothing says what proves these images"},
		"renamed":              {trustRule{Images: "mirror.example/redhat/**", Key: new(plan.Path("/k")), SignedAs: new("registry.redhat.io/")}, ""},
		"a layout, renamed":    {trustRule{Images: "oci:/media/**", GPG: new(plan.Path("/k")), Store: new("https://store.example"), SignedAs: new("registry.redhat.io/")}, ""},
		"renamed by a pattern": {trustRule{Images: "mirror.example/**", Key: new(plan.Path("/k")), SignedAs: new("registry.redhat.io/*")}, "signatures.trust[0].signed_as: "},
		"renamed and unsigned": {trustRule{Images: "mirror.example/**", Unsigned: new(true), SignedAs: new("registry.redhat.io/")}, "it has signed_as and unsigned"},
		"no pattern":           {unsigned("nginx"), "signatures.trust[0].images: "},
		"a tag in it":          {unsigned("quay.io/a:1"), "signatures.trust[0].images: "},
	} {
		t.Run(name, func(t *testing.T) {
			m := newStep((*connections.Set)(nil))
			m.Signatures.Text, m.Signatures.Other.Trust = "", []trustRule{tt.rule}
			err := m.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	m := newStep((*connections.Set)(nil))
	m.Signatures.Text, m.Signatures.Other.Keep = "", "copied"
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "signatures.keep: ") {
		t.Errorf("got %v", err)
	}
}

// An image that no rule matches is not asked for. The others are copied.
func TestMirrorTrustRefuses(t *testing.T) {
	b := testbed.NewRegistries(t)
	var asked []string
	var mu sync.Mutex
	b.Before["upstream"] = func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Path)
		return false
	}
	m := trusting(b, unsigned("registry.access.redhat.com/rhosp13/openstack-nova*"), unsigned("quay.io/**"))
	m.Rename = imagelist.Renames{{From: "rhosp13/openstack-", To: "x/"}}
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Err == nil || !strings.Contains(f.Err.Error(), "registry.access.redhat.com/rhosp13/openstack-base:13.0-40: no rule of signatures.trust matches it") {
		t.Errorf("got %v", f.Err)
	}
	if _, err := m.Resolve(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), "openstack-base:13.0-40: no rule of signatures.trust matches it") {
		t.Errorf("resolve: %v", err)
	}
	for _, path := range asked {
		if strings.Contains(path, "openstack-base") {
			t.Errorf("asked for %s", path)
		}
	}
	if want := []string{"the rule for quay.io/** under signatures.trust decides about no image of the list"}; !cmp.Equal(f.Notes, want) {
		t.Errorf("notes %q", f.Notes)
	}
	_, err = f.Change.Apply(t.Context(), &steptest.Progress{})
	var part *runner.IncompleteError
	if !errors.As(err, &part) || len(part.Done["images"].Items()) != 2 {
		t.Errorf("got %v, %+v", err, part)
	}
	holds := b.Holds(t)
	if len(holds) != 2 || holds["x/nova-api:13.0-40"] == "" {
		t.Errorf("the destination has %v", holds)
	}
	if _, err := m.Verify(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), "no rule of signatures.trust matches it") {
		t.Errorf("verify: %v", err)
	}
}

// A gpgBench is the bench with a store of signatures, which counts what is asked for.
type gpgBench struct {
	*testbed.Registries
	key   *openpgp.Entity
	files map[string]string
	asked atomic.Int64
	rule  trustRule
}

func newGPGBench(t *testing.T) *gpgBench {
	t.Helper()
	b := &gpgBench{Registries: testbed.NewRegistries(t), key: testbed.NewKey(t), files: map[string]string{}}
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked.Add(1)
		if text, ok := b.files[r.URL.Path]; ok {
			_, _ = io.WriteString(w, text)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(store.Close)
	files, err := download.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Set = connections.With(map[string]string{"upstream": testbed.UpstreamHost, "local": testbed.LocalHost}, b.Registry(), files)
	b.rule = gpgRule(testbed.UpstreamHost+"/**", testbed.PublicKey(t, b.key), store.URL+"/sigs")
	return b
}

// sign puts the signature of a digest into the store.
func (b *gpgBench) sign(t *testing.T, repository, tag, digest string) {
	t.Helper()
	b.files["/sigs/"+repository+"@"+strings.Replace(digest, ":", "=", 1)+"/signature-1"] = b.signed(t, testbed.UpstreamHost+"/"+repository+":"+tag, digest)
}

// signed gives the signature of a digest under a name.
func (b *gpgBench) signed(t *testing.T, name, digest string) string {
	t.Helper()
	var out bytes.Buffer
	w, err := openpgp.Sign(&out, b.key, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	doc := fmt.Sprintf(`{"critical":{"type":"atomic container signature","image":{"docker-manifest-digest":%q},"identity":{"docker-reference":%q}},"optional":{}}`,
		digest, name)
	_, err = io.WriteString(w, doc)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Of three images one is not signed: the others are copied, the verdicts are remembered,
// and nothing of the refused one is moved.
func TestMirrorTrustGPG(t *testing.T) {
	b := newGPGBench(t)
	for _, name := range []string{"nova-api", "nova-compute"} {
		b.sign(t, "rhosp13/openstack-"+name, "13.0-40", b.Resolved(t, name+":13.0-40"))
	}
	m := trusting(b.Registries, b.rule)
	m.Rename = imagelist.Renames{{From: "rhosp13/openstack-", To: "x/"}}
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "registry.access.redhat.com/rhosp13/openstack-base:13.0-40 is not trusted: there is no signature of it in " + *b.rule.Store +
		"; the rule is registry.access.redhat.com/** (gpg keys.gpg)"
	if f.Err == nil || !strings.HasSuffix(f.Err.Error(), want) {
		t.Errorf("got  %v\nwant %s", f.Err, want)
	}
	_, err = f.Change.Apply(t.Context(), &steptest.Progress{})
	var part *runner.IncompleteError
	if !errors.As(err, &part) || len(part.Done["trusted"].Items()) != 2 {
		t.Fatalf("got %v, %+v", err, part)
	}
	if holds := b.Holds(t); len(holds) != 2 || holds["x/base:13.0-40"] != "" {
		t.Errorf("the destination has %v", holds)
	}

	b.asked.Store(0)
	b.sign(t, "rhosp13/openstack-base", "13.0-40", b.Resolved(t, "base:13.0-40"))
	f, err = m.Diff(t.Context(), &runner.Disk{}, &runner.Record{Partial: part.Done})
	if err != nil || f.Err != nil || b.asked.Load() != 1 {
		t.Fatalf("asked %d times: %+v, %v", b.asked.Load(), f, err)
	}
	out, err := f.Change.Apply(t.Context(), &steptest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	b.asked.Store(0)
	again := trusting(b.Registries, b.rule)
	again.Rename = m.Rename
	f, err = again.Diff(t.Context(), &runner.Disk{}, &runner.Record{Outputs: out})
	if err != nil || f.Err != nil || f.Change != nil || b.asked.Load() != 0 {
		t.Errorf("unchanged: asked %d times: %+v, %v", b.asked.Load(), f, err)
	}
	found, err := again.Verify(t.Context(), &runner.Disk{})
	if err != nil || fmt.Sprint(found) != fmt.Sprint(out) || b.asked.Load() != 3 {
		t.Errorf("verify asked %d times: %v, %v", b.asked.Load(), found, err)
	}
	// Another key proves nothing of what the first has proved.
	again.Signatures.Other.Trust[0].GPG = new(plan.Path(testbed.PublicKey(t, testbed.NewKey(t))))
	f, err = again.Diff(t.Context(), &runner.Disk{}, &runner.Record{Outputs: out})
	if err != nil || f.Err == nil || strings.Count(f.Err.Error(), "not signed by any of the given keys") != 3 {
		t.Errorf("with another key: %+v, %v", f, err)
	}
}

// The index is what must be signed, also if one of its images is taken: the signature of
// that image proves nothing.
func TestMirrorTrustPlatforms(t *testing.T) {
	b := newGPGBench(t)
	b.Pushable(t)
	index := b.MultiPlatform(t, "signed/app:1", "amd64", "s390x")
	m := trusting(b.Registries, b.rule)
	m.Images = testbed.Inline(testbed.UpstreamHost + "/signed/app:1")
	m.Platforms = []string{"linux/amd64"}
	child, err := trusting(b.Registries, unsigned("**")).childOf(t, m)
	if err != nil {
		t.Fatal(err)
	}
	b.sign(t, "signed/app", "1", child)
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Err == nil || !strings.Contains(f.Err.Error(), "there is no signature of it") {
		t.Errorf("the child is signed: %+v, %v", f, err)
	}
	b.sign(t, "signed/app", "1", index)
	f, err = m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Err != nil || !strings.Contains(f.Outputs["images"].Items()[0], child) {
		t.Errorf("the index is signed: %+v, %v", f, err)
	}
}

// childOf gives the digest of the one image that is left of an index.
func (m *mirror) childOf(t *testing.T, like *mirror) (string, error) {
	t.Helper()
	m.Images, m.Platforms = like.Images, like.Platforms
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		return "", err
	}
	_, digest, _ := strings.Cut(f.Outputs["images"].Items()[0], "@")
	return digest, f.Err
}

// The first mirror's name is not the one under which its images are signed.
func TestMirrorTrustSignedAs(t *testing.T) {
	b := newGPGBench(t)
	b.files["/sigs/mine/nova-api@"+strings.Replace(b.Resolved(t, "nova-api:13.0-40"), ":", "=", 1)+"/signature-1"] = b.signed(t, "quay.example/mine/nova-api:13.0-40", b.Resolved(t, "nova-api:13.0-40"))
	rule := b.rule
	rule.Images, rule.SignedAs = testbed.UpstreamHost+"/rhosp13/openstack-*", new("quay.example/mine/")
	m := trusting(b.Registries, rule)
	m.Images = testbed.Inline(testbed.UpstreamHost + "/rhosp13/openstack-nova-api:13.0-40")
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Err != nil {
		t.Errorf("%+v, %v", f, err)
	}
	m = trusting(b.Registries, b.rule)
	m.Images = testbed.Inline(testbed.UpstreamHost + "/rhosp13/openstack-nova-api:13.0-40")
	if f, err = m.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Err == nil {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestMirrorTrustFiles(t *testing.T) {
	b := newGPGBench(t)
	wrong := filepath.Join(t.TempDir(), "keys")
	wrongKey := plan.Path(wrong)
	steptest.PutFile(t, wrong, "hello")
	m := trusting(b.Registries, b.rule, gpgRule("quay.io/**", wrong, "https://store.example/sigs"), gpgRule("quay.io/**", wrong+".missing", "file:///media/sigs"))
	err := m.CheckFiles(t.Context(), &runner.Disk{}, true)
	if err == nil || !strings.Contains(err.Error(), "signatures.trust[1].gpg: read the keys in "+wrong) || strings.Contains(err.Error(), "missing") {
		t.Errorf("got %v", err)
	}
	m.Signatures.Other.Trust = append(m.Signatures.Other.Trust, trustRule{Images: "**", Key: &wrongKey})
	if err := m.CheckFiles(t.Context(), &runner.Disk{}, true); err == nil || !strings.Contains(err.Error(), "signatures.trust[3].key: read the key in "+wrong) {
		t.Errorf("got %v", err)
	}
	m.Signatures.Other.Trust = m.Signatures.Other.Trust[:3]
	paths := m.Paths()
	if want := []string{string(*b.rule.GPG), wrong, wrong + ".missing", "/media/sigs"}; !cmp.Equal(paths.Reads[:4], want) {
		t.Errorf("reads %q, want %q", paths.Reads, want)
	}
	var hosts []string
	for _, s := range paths.Asks {
		if s.Kind == runner.WebServer {
			hosts = append(hosts, s.Field+" "+strings.Join(s.Hosts, " "))
		}
	}
	if len(hosts) != 2 || hosts[1] != "signatures.trust[1].store store.example" {
		t.Errorf("asks %q", hosts)
	}
	m = trusting(b.Registries, b.rule)
	before, err := m.Inputs(t.Context(), &runner.Disk{})
	if err != nil || before[0].Name != "signatures.trust[0].gpg" {
		t.Errorf("inputs %+v, %v", before, err)
	}
	m = trusting(b.Registries, gpgRule("**", wrong, "https://store.example"))
	if err := steptest.Failure(m.Diff(t.Context(), &runner.Disk{}, nil)); err == nil || !strings.Contains(err.Error(), "signatures.trust[0]: gpg: read the keys") {
		t.Errorf("got %v", err)
	}
}

// A rule names Docker Hub and ports as people do.
func TestMirrorTrustSpelling(t *testing.T) {
	b := testbed.NewRegistries(t)
	m := trusting(b)
	for text, name := range map[string]string{
		"docker.io/alpine":                            "docker.io/library/alpine",
		"index.docker.io/library/*":                   "docker.io/library/alpine",
		"Registry.Access.redhat.com/**":               "registry.access.redhat.com/rhosp13/openstack-base",
		"registry.access.redhat.com/*/openstack-????": "registry.access.redhat.com/rhosp13/openstack-base",
		"**":                         "quay.io/a",
		"docker.io/alp*":             "docker.io/library/alpine",
		"index.docker.io:443/*":      "docker.io/library/alpine",
		"docker.io/**":               "docker.io/library/alpine",
		"*.Access.redhat.com/**":     "registry.access.redhat.com/rhosp13/openstack-base",
		"Registry.*.com/rhosp13/*":   "registry.access.redhat.com/rhosp13/openstack-base",
		"quay.io/a*":                 "quay.io/alpine",
		"oci:/Media/x:library/alp*":  "oci:/Media/x:library/alpine",
		"localhost:5000/alpine":      "localhost:5000/alpine",
		"registry.test:5000/**/base": "registry.test:5000/a/b/base",
	} {
		if !m.repositories(text).Matches(name) {
			t.Errorf("%s does not match %s", text, name)
		}
	}
	for text, name := range map[string]string{
		"docker.io/*":      "docker.io/mine/alpine",
		"docker.io/mine/*": "docker.io/library/alpine",
		"quay.io/*":        "quay.io/library/alpine",
	} {
		if m.repositories(text).Matches(name) {
			t.Errorf("%s matches %s", text, name)
		}
	}
}
