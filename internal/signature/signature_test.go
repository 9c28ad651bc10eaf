package signature

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/bayplan/bayplan/internal/fault"
)

func signer(t *testing.T, name string, conf *packet.Config) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity(name, "", name+"@example.org", conf)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// keyring writes the public keys of signers to a file.
func keyring(t *testing.T, armored bool, of ...*openpgp.Entity) string {
	t.Helper()
	var out bytes.Buffer
	for _, e := range of {
		var to io.WriteCloser = nopCloser{&out}
		if armored {
			var err error
			if to, err = armor.Encode(&out, openpgp.PublicKeyType, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Serialize(to); err != nil {
			t.Fatal(err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		if armored {
			out.WriteString("\n\n")
		}
	}
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func detached(t *testing.T, e *openpgp.Entity, text string, armored bool) []byte {
	t.Helper()
	var out bytes.Buffer
	sign := openpgp.DetachSign
	if armored {
		sign = openpgp.ArmoredDetachSign
	}
	if err := sign(&out, e, strings.NewReader(text), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const signedText = "aaaa  agent.kernel\nbbbb  agent.initramfs\n"

func TestDetached(t *testing.T) {
	mine, other := signer(t, "mine", nil), signer(t, "other", nil)
	tests := map[string]struct {
		keys []*openpgp.Entity
		text string
		sig  []byte
		err  string
	}{
		"good":                   {[]*openpgp.Entity{mine}, signedText, detached(t, mine, signedText, false), ""},
		"armored":                {[]*openpgp.Entity{mine}, signedText, detached(t, mine, signedText, true), ""},
		"one of several keys":    {[]*openpgp.Entity{other, mine}, signedText, detached(t, mine, signedText, true), ""},
		"another text":           {[]*openpgp.Entity{mine}, signedText + " ", detached(t, mine, signedText, false), "its signature is not valid"},
		"another signer":         {[]*openpgp.Entity{mine}, signedText, detached(t, other, signedText, false), "it is not signed by any of the given keys"},
		"cut":                    {[]*openpgp.Entity{mine}, signedText, detached(t, mine, signedText, false)[:20], "its signature is not valid"},
		"nothing":                {[]*openpgp.Entity{mine}, signedText, nil, "it is not signed by any of the given keys"},
		"no signature":           {[]*openpgp.Entity{mine}, signedText, []byte("<html>"), "its signature is not valid: it is not in OpenPGP's format"},
		"of minisign":            {[]*openpgp.Entity{mine}, signedText, []byte("untrusted comment: signature\nRUQ\n"), "its signature is not valid: it is one of minisign, not of OpenPGP"},
		"a clear-signed list":    {[]*openpgp.Entity{mine}, signedText, []byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + signedText), "its signature is not valid: it is a text that carries its signature"},
		"a signed message":       {[]*openpgp.Entity{mine}, signedText, message(t, signedText, true, nil, mine), "its signature is not valid: it is a PGP MESSAGE"},
		"larger than they are":   {[]*openpgp.Entity{mine}, signedText, make([]byte, maxSignature+1), "is larger than"},
		"a key in its own place": {[]*openpgp.Entity{mine}, signedText, []byte(armorStart), "its signature is not valid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, armored := range []bool{false, true} {
				keys, err := Load(keyring(t, armored, tt.keys...))
				if err != nil {
					t.Fatal(err)
				}
				wantErr(t, keys.Detached(strings.NewReader(tt.text), tt.sig), tt.err)
			}
		})
	}
}

func wantErr(t *testing.T, err error, text string) {
	t.Helper()
	switch {
	case text == "" && err != nil:
		t.Errorf("got %v", err)
	case text != "" && (err == nil || !strings.Contains(err.Error(), text)):
		t.Errorf("got %v, want %q in it", err, text)
	}
}

func TestExpiredKey(t *testing.T) {
	then := func() time.Time { return time.Now().Add(-48 * time.Hour) }
	old := signer(t, "old", &packet.Config{Time: then, KeyLifetimeSecs: 3600})
	keys, err := Load(keyring(t, false, old))
	if err != nil {
		t.Fatal(err)
	}
	var sig bytes.Buffer
	if err := openpgp.DetachSign(&sig, old, strings.NewReader(signedText), &packet.Config{Time: then}); err != nil {
		t.Fatal(err)
	}
	wantErr(t, keys.Detached(strings.NewReader(signedText), sig.Bytes()), "expired")
}

func TestClear(t *testing.T) {
	mine, other := signer(t, "mine", nil), signer(t, "other", nil)
	sign := func(e *openpgp.Entity) string {
		var out bytes.Buffer
		w, err := clearsign.Encode(&out, e.PrivateKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, signedText); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	keys, err := Load(keyring(t, true, mine))
	if err != nil {
		t.Fatal(err)
	}
	// The text around the signed part is not signed, so it is not returned.
	around := "cccc  agent.kernel\n" + sign(mine) + "\ndddd  agent.kernel\n"
	got, err := keys.Clear([]byte(around))
	if err != nil || strings.TrimRight(string(got), "\n") != strings.TrimRight(signedText, "\n") {
		t.Errorf("got %q, %v", got, err)
	}
	if !IsClear([]byte(around)) || IsClear([]byte(signedText)) {
		t.Error("IsClear does not tell them apart")
	}
	_, err = keys.Clear([]byte(sign(other)))
	wantErr(t, err, "not signed by any of the given keys")
	_, err = keys.Clear([]byte(strings.Replace(sign(mine), "aaaa", "abaa", 1)))
	wantErr(t, err, "its signature is not valid")
	_, err = keys.Clear([]byte(signedText))
	wantErr(t, err, "its signature cannot be read")
}

func TestLoadOfWhatIsNoKeyring(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "text": "hello", "half an armor": string(armorStart) + "\n\nmQ", "a page": "<html>",
	} {
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil || fault.Hint(err) == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Load("/nowhere/keys"); err == nil {
		t.Error("a missing file is not an error")
	}
}
