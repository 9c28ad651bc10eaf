package signer_test

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/signature"
	"github.com/bayplan/bayplan/internal/standin/signer"
	"github.com/bayplan/bayplan/internal/trust/payload"
)

// What is signed by OpenPGP is believed by those who have the public key, and by no others.
func TestPGP(t *testing.T) {
	p, other := newPGP(t), newPGP(t)
	text := []byte("a list\nof checksums\n")
	detached, err := p.Detached(text)
	if err != nil {
		t.Fatal(err)
	}
	clear, err := p.Clear(text)
	if err != nil {
		t.Fatal(err)
	}
	image, err := p.Image("quay.io/a/b:1", "sha256:"+strings.Repeat("a", 64))
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*signer.PGP{"its key": p, "another key": other} {
		public, err := key.Public()
		if err != nil {
			t.Fatal(err)
		}
		keys, err := signature.Parse("key", public)
		if err != nil {
			t.Fatal(err)
		}
		want := key == p
		if err := keys.Detached(strings.NewReader(string(text)), detached); (err == nil) != want {
			t.Errorf("%s, detached: %v", name, err)
		}
		if got, err := keys.Signed(clear); (err == nil) != want || want && string(got) != string(text) {
			t.Errorf("%s, in the text: %q, %v", name, got, err)
		}
		got, err := keys.Signed(image)
		if (err == nil) != want {
			t.Errorf("%s, of an image: %v", name, err)
		}
		if doc, err := payload.Parse(got); want && (err != nil || doc.Type != payload.Atomic || doc.Reference != "quay.io/a/b:1") {
			t.Errorf("the document: %v, %v", doc, err)
		}
	}
}

func newPGP(t *testing.T) *signer.PGP {
	t.Helper()
	p, err := signer.NewPGP()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
