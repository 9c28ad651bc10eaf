package sigstorego

import (
	"testing"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/data"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/bayplan/bayplan/internal/dev/sigstore"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/cosign"
	"github.com/bayplan/bayplan/internal/trust/keyless"
)

// sigstore-go takes the documents that bayplan takes, and refuses those that it refuses.
// Where a case says so, it is less strict.
func TestAgree(t *testing.T) {
	cases := sigstore.Cases()
	if len(cases) < 30 {
		t.Errorf("there are %d documents, want at least 30", len(cases))
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			d := tt.Document(t)
			trusted, err := root.NewTrustedRootFromJSON(d.Root)
			if err != nil {
				t.Fatal(err)
			}
			err = check(t, trusted, d.Bundle, sigstore.TrustedIdentity, verify.WithArtifactDigest("sha256", d.Sum[:]))
			if taken := tt.Want == "" || tt.Stricter; (err == nil) != taken {
				t.Errorf("sigstore-go says %v", err)
			}
		})
	}
}

// check asks sigstore-go about a bundle.
func check(t *testing.T, trusted root.TrustedMaterial, content []byte, identity string, artifact verify.ArtifactPolicyOption) error {
	t.Helper()
	v, err := verify.NewVerifier(trusted, verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	if err != nil {
		t.Fatal(err)
	}
	id, err := verify.NewShortCertificateIdentity(sigstore.TrustedIssuer, "", identity, "")
	if err != nil {
		t.Fatal(err)
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(content); err != nil {
		return err
	}
	_, err = v.Verify(&b, verify.NewPolicy(artifact, verify.WithCertificateIdentity(id)))
	return err
}

// The public Sigstore instance has signed these, and logged them.
func TestPublicInstance(t *testing.T) {
	public := data.TrustedRoot(t, "public-good.json")
	content, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := keyless.ParseRoot("public-good.json", content)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]keyless.Verifier{
		"sigstore.js@2.0.0-provenance.sigstore.json": {
			Issuer:   "https://token.actions.githubusercontent.com",
			Identity: trust.NewPattern("https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/*"),
		},
		"dsse.sigstore.json": {Issuer: "https://github.com/login/oauth", Identity: trust.NewPattern("brian@dehamer.com")},
	} {
		t.Run(file, func(t *testing.T) {
			text, err := data.Bundle(t, file).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			s, err := cosign.ReadBundle(text)
			if err != nil {
				t.Fatal(err)
			}
			want.Root = trusted
			if err := want.Check(s); err != nil {
				t.Error(err)
			}
			want.Identity = trust.NewPattern("somebody@else.example")
			if want.Check(s) == nil {
				t.Error("another identity is taken")
			}
			s.Entries[0].Time++
			if want.Check(s) == nil {
				t.Error("another time is taken")
			}
		})
	}
}
