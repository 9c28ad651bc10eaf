package signature

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

// message makes an OpenPGP message of a text, signed if there is a signer.
func message(t *testing.T, text string, armored bool, to []*openpgp.Entity, by *openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	var into io.WriteCloser = nopCloser{&out}
	if armored {
		var err error
		if into, err = armor.Encode(&out, "PGP MESSAGE", nil); err != nil {
			t.Fatal(err)
		}
	}
	var w io.WriteCloser
	var err error
	if to == nil {
		w, err = openpgp.Sign(into, by, nil, nil)
	} else {
		w, err = openpgp.Encrypt(into, to, by, nil, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), into.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestContent(t *testing.T) {
	mine := signer(t, "mine", nil)
	for name, file := range map[string][]byte{
		"a message": message(t, signedText, false, nil, mine),
		"in armor":  message(t, signedText, true, nil, mine),
	} {
		text, signed, err := Content(file)
		if err != nil || !signed || string(text) != signedText {
			t.Errorf("%s: got %q, %t, %v", name, text, signed, err)
		}
	}
	for _, plain := range []string{"", signedText, "\ufeffaaaa  b\n", "# -----BEGIN PGP MESSAGE-----\n"} {
		text, signed, err := Content([]byte(plain))
		if err != nil || signed || string(text) != plain {
			t.Errorf("%q: got %q, %t, %v", plain, text, signed, err)
		}
	}
	var key bytes.Buffer
	w, err := armor.Encode(&key, openpgp.PublicKeyType, nil)
	if err = errors.Join(err, mine.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	for want, file := range map[string][]byte{
		"a signature without the text": detached(t, mine, signedText, true),
		"a signature without":          detached(t, mine, signedText, false),
		"a PGP PUBLIC KEY BLOCK":       key.Bytes(),
		"this is UTF-16 text":          []byte("\xff\xfea\x00a\x00"),
		"neither text nor":             {0x89, 0xff, 0x00},
		"cannot be read":               []byte("-----BEGIN PGP MESSAGE-----\n"),
	} {
		if _, _, err := Content(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if _, _, err := Content(message(t, signedText, false, []*openpgp.Entity{mine}, mine)); err == nil {
		t.Error("an encrypted message has a text")
	}
}

func TestSigned(t *testing.T) {
	mine, other := signer(t, "mine", nil), signer(t, "other", nil)
	keys, err := Load(keyring(t, false, mine))
	if err != nil {
		t.Fatal(err)
	}
	for _, armored := range []bool{false, true} {
		good := message(t, signedText, armored, nil, mine)
		text, err := keys.Signed(good)
		if err != nil || string(text) != signedText {
			t.Errorf("got %q, %v", text, err)
		}
		_, err = keys.Signed(message(t, signedText, armored, nil, other))
		wantErr(t, err, "it is not signed by any of the given keys")
	}
	bad := bytes.Replace(message(t, signedText, false, nil, mine), []byte("aaaa"), []byte("abaa"), 1)
	_, err = keys.Signed(bad)
	wantErr(t, err, "its signature is not valid")
	_, err = keys.Signed([]byte(signedText))
	wantErr(t, err, "there is no signature in it")
}
