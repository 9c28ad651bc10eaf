package minisign

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// pair makes a key pair.
func pair(t *testing.T, seed byte) (PublicKey, *SecretKey) {
	t.Helper()
	public, secret, err := Generate(rand.NewChaCha8([32]byte{seed}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParsePublicKey("minisign.pub", public)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSecretKey("minisign.key", secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, s
}

// A signature holds for its content alone, by its key alone, and with its trusted comment.
func TestSignatures(t *testing.T) {
	public, secret := pair(t, 1)
	other, _ := pair(t, 2)
	text := []byte("a table\n")
	signature, err := secret.Sign("media.tar.pieces", text)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(signature), "\tfile:media.tar.pieces\thashed\n") {
		t.Errorf("the signature is %s", signature)
	}
	for name, tt := range map[string]struct {
		key       PublicKey
		text      []byte
		signature []byte
		want      string
	}{
		"its own":         {public, text, signature, ""},
		"line ends":       {public, text, bytes.ReplaceAll(signature, []byte("\n"), []byte("\r\n")), ""},
		"another text":    {public, []byte("a tablE\n"), signature, "what it signs was changed"},
		"another key":     {other, text, signature, "by the key " + public.ID() + ", and the key here is " + other.ID()},
		"another comment": {public, text, bytes.Replace(signature, []byte("media.tar"), []byte("other.tar"), 1), "what it signs was changed"},
		"no signature":    {public, text, []byte("none"), "not a signature of minisign"},
	} {
		if err := tt.key.Verify(tt.text, tt.signature); err == nil && tt.want != "" || err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	if err := secret.Verify(text, signature); err != nil {
		t.Error(err)
	}
}

// encrypted is a key that minisign 0.11 has written, with the password "word".
const encrypted = "untrusted comment: minisign encrypted secret key\n" +
	"RWRTY0IyrN9tEa+xblGgItvdhT+ytO8qgmUA1ORgQIPxiJz1SH4AAAACAAAAAAAAAEAAAAAAAMkf3FQEIocqcBg6L4LtHSYCKz8AgOrMoNVw1/mxz2+ghzVu1wJmF6GGvLg3WD4QUDVx55dru4As6zVUdllZrb6XQsjeENYd3Gh9MTlL8kxBF7+sBL2sLum+rjiDFi8S04NxV37cUKY=\n"

// What is wrong with a key is said with the name of its file.
func TestKeysThatAreNone(t *testing.T) {
	if _, err := ParsePublicKey("a.pub", []byte("none")); err == nil || !strings.Contains(err.Error(), "a.pub is not a public key") {
		t.Error(err)
	}
	if _, err := NewSecretKey("a.key", []byte("none"), nil); err == nil || !strings.Contains(err.Error(), "a.key is not a secret key") {
		t.Error(err)
	}
	if _, err := NewSecretKey("a.key", []byte(encrypted), nil); err == nil || !strings.Contains(err.Error(), "a.key is encrypted") {
		t.Error(err)
	}
	none := errors.New("no password")
	k, err := NewSecretKey("a.key", []byte(encrypted), func() (string, error) { return "", none })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Sign("x", nil); !errors.Is(err, none) {
		t.Error(err)
	}
	if err := k.Verify(nil, []byte("untrusted comment: "+k.mark()+"\n")); err != nil {
		t.Error(err)
	}
	if err := k.Verify(nil, []byte("untrusted comment: of another\n")); err == nil || !strings.Contains(err.Error(), "not a signature by the key in a.key") {
		t.Error(err)
	}
}

// A key that several layouts are signed with is kept once, so that it is decrypted once.
func TestKeys(t *testing.T) {
	_, secret, err := Generate(rand.NewChaCha8([32]byte{7}))
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) *SecretKey {
		k, err := NewSecretKey(name, secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	var keys Keys
	one, again, other := keys.Keep(open("a.key")), keys.Keep(open("a.key")), keys.Keep(open("b.key"))
	if one != again || one == other {
		t.Error("each layout has a key of its own")
	}
}
