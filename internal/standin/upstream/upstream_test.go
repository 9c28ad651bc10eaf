package upstream

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/labels"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/standin/signer"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/cosign"
)

// client gives a client for an upstream of a host.
func client(t *testing.T, host string, rules Rules) (*registry.Client, *Upstream) {
	t.Helper()
	if rules.Tags == nil {
		rules.Tags = SampleTags
	}
	u, err := New(host, "", rules)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	c, err := registry.New([]registry.Host{{Name: host, Handler: u}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, u
}

// The tag that a template makes of an image's labels is one of the same image.
func TestLabels(t *testing.T) {
	const template = "{version}-{release}"
	for _, tt := range []struct{ host, repository, tag string }{
		{"quay.io", "some/image", "latest"},
		{"quay.io", "some/image", "v2.1.0"},
		{"quay.io", "some/image", "13.0-129"},
		{"registry.redhat.io", "rhosp13/openstack-nova-api", "latest"},
		{"registry.redhat.io", "rhosp13/openstack-nova-api", "13.0"},
	} {
		c, _ := client(t, tt.host, Rules{Labels: []string{"org.opencontainers.image.revision"}})
		image := tt.host + "/" + tt.repository
		have, d, err := c.Labels(t.Context(), image+":"+tt.tag)
		if err != nil {
			t.Errorf("%s:%s: %v", image, tt.tag, err)
			continue
		}
		tag, err := labels.Expand(template, have)
		if err != nil || have["org.opencontainers.image.revision"] == "" {
			t.Errorf("%s:%s: %v, labels %v", image, tt.tag, err, have)
		}
		again, err := c.Resolve(t.Context(), image+":"+tag)
		if err != nil || again.Digest != d.Digest {
			t.Errorf("%s:%s is %s, and %s is %s (%v)", image, tt.tag, d.Digest, tag, again.Digest, err)
		}
	}
}

// Of a release, only the images of its catalog are made; of all else, any image.
func TestCatalog(t *testing.T) {
	c, _ := client(t, "registry.redhat.io", Rules{})
	for name, want := range map[string]string{
		"rhosp13/openstack-nova-api": "", "rhosp-rhel9/openstack-nova-api": "", "rhel9/postgresql": "", "ubi9/ubi": "",
		"rhosp13/openstack-nova-apii":     "the catalog of rhosp13 has no image rhosp13/openstack-nova-apii; did you mean rhosp13/openstack-nova-api?",
		"rhosp-rhel9/openstack-no-such":   "the catalog of rhosp17.1 has no image",
		"rhosp-rhel8/openstack-novaa-api": "the catalog of rhosp16.2 has no image",

		"rhosp13/openstack-nova-api:13.0": "", "rhosp13/openstack-nova-api:13.0-83.1": "", "rhosp-rhel9/openstack-nova-api:17.1.3": "", "ubi9/ubi:99": "",
		"rhosp13/openstack-nova-api:99.0":     "rhosp13/openstack-nova-api has no tag 99.0 in the catalog of rhosp13; its tags begin with 13.0",
		"rhosp-rhel9/openstack-nova-api:16.2": "has no tag 16.2 in the catalog of rhosp17.1; its tags begin with 17.1",
	} {
		if !strings.Contains(name, ":") {
			name += ":latest"
		}
		_, err := c.Resolve(t.Context(), "registry.redhat.io/"+name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	elsewhere, _ := client(t, "mirror.example.com", Rules{})
	if _, err := elsewhere.Resolve(t.Context(), "mirror.example.com/rhosp13/openstack-nova-apii:1"); err != nil {
		t.Error(err)
	}
}

// Images are signed under the name that a rule gives them, and the signature is real.
func TestSigned(t *testing.T) {
	key, err := signer.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	c, u := client(t, "mirror.example.com", Rules{Signer: key, SignedAs: func(_, repository string) string { return "quay.io/" + repository }})
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := cosign.ParseKeys("key", public)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := u.Make("a/b", "1")
	if err != nil {
		t.Fatal(err)
	}
	check := func(signedAs string) error {
		rule := trust.Rule{Images: trust.NewPattern("mirror.example.com/**"), SignedAs: signedAs, Name: "key", Proof: &cosign.Proof{Verifier: keys, Registry: c, Canonical: c.Canonical}}
		policy, err := trust.NewPolicy([]trust.Rule{rule}, nil)
		if err != nil {
			return err
		}
		return policy.Check(t.Context(), trust.NewImage("mirror.example.com/a/b:1", sum))
	}
	if err := check("quay.io/"); err != nil {
		t.Error(err)
	}
	if err := check(""); err == nil {
		t.Error("a signature for another name holds")
	}
}

// A repository that plans push to has what is pushed.
func TestMade(t *testing.T) {
	c, _ := client(t, "quay.io", Rules{Made: func(_, repository string) bool { return repository != "mine/pushed" }})
	if _, err := c.Resolve(t.Context(), "quay.io/other/image:1"); err != nil {
		t.Error(err)
	}
	if _, err := c.Resolve(t.Context(), "quay.io/mine/pushed:1"); registry.KindOf(err) != registry.NotFound {
		t.Errorf("an image that was not pushed: %v", err)
	}
	if _, err := c.Resolve(t.Context(), "quay.io/other/image@sha256:"+strings.Repeat("a", 64)); registry.KindOf(err) != registry.NotFound {
		t.Errorf("an image of a digest that nobody has: %v", err)
	}
}
