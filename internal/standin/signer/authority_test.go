package signer_test

import (
	"testing"

	"github.com/bayplan/bayplan/internal/standin/signer"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/cosign"
	"github.com/bayplan/bayplan/internal/trust/keyless"
)

// What an authority certifies holds by its root, for that signer and issuer alone.
func TestCertified(t *testing.T) {
	a, err := signer.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	other, err := signer.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []signer.Identity{{"https://git.test/mine/app", "https://issuer.test"}, {"me@git.test", "https://issuer.test"}} {
		c, err := a.Certify(who)
		if err != nil {
			t.Fatal(err)
		}
		text, annotations, err := c.Document("quay.io/a/b", "sha256:12")
		if err != nil {
			t.Fatal(err)
		}
		s, err := cosign.ReadDocument(text, annotations)
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			by               *signer.Authority
			identity, issuer string
			want             bool
		}{
			"right":             {a, who.Name, who.Issuer, true},
			"another identity":  {a, "https://git.test/other", who.Issuer, false},
			"another issuer":    {a, who.Name, "https://other.test", false},
			"another authority": {other, who.Name, who.Issuer, false},
		} {
			content, err := tt.by.Root()
			if err != nil {
				t.Fatal(err)
			}
			root, err := keyless.ParseRoot("root", content)
			if err != nil {
				t.Fatal(err)
			}
			v := keyless.Verifier{Root: root, Issuer: tt.issuer, Identity: trust.NewPattern(tt.identity)}
			if err := v.Check(s); (err == nil) != tt.want {
				t.Errorf("%s, %s: %v", who.Name, name, err)
			}
		}
	}
}
