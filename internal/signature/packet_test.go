package signature

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// signV3 makes a version 3 signature, as in the packages of RHEL 7 and 8.
func signV3(t *testing.T, e *openpgp.Entity, text string) []byte {
	t.Helper()
	hashed := []byte{0, 0x5f, 1, 2, 3} // of a binary document, and when
	sum := sha256.Sum256(slices.Concat([]byte(text), hashed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, e.PrivateKey.PrivateKey.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	sig = bytes.TrimLeft(sig, "\x00")
	body := slices.Concat([]byte{3, 5}, hashed, binary.BigEndian.AppendUint64(nil, e.PrimaryKey.KeyId), []byte{1, 8}, sum[:2],
		binary.BigEndian.AppendUint16(nil, uint16(len(sig)*8)), sig)
	return append([]byte{0x89, byte(len(body) >> 8), byte(len(body))}, body...)
}

func TestPacket(t *testing.T) {
	old, other := signer(t, "old", &packet.Config{RSABits: 2048, Algorithm: packet.PubKeyAlgoRSA}), signer(t, "other", nil)
	keys, err := Load(keyring(t, true, other, old))
	if err != nil {
		t.Fatal(err)
	}
	v3 := signV3(t, old, signedText)
	with := func(at int, b byte) []byte {
		sig := bytes.Clone(v3)
		sig[at] = b
		return sig
	}
	tests := map[string]struct {
		text string
		sig  []byte
		err  string
	}{
		"of version 4":           {signedText, detached(t, other, signedText, false), ""},
		"of version 3":           {signedText, v3, ""},
		"in a new frame":         {signedText, slices.Concat([]byte{0xc2, byte((len(v3)-3-192)>>8) + 192, byte(len(v3) - 3 - 192)}, v3[3:]), ""},
		"another text":           {"x", v3, "its signature is not valid"},
		"another text, 4":        {"x", detached(t, other, signedText, false), "its signature is not valid"},
		"another time":           {signedText, with(6, 9), "its signature is not valid"},
		"an unknown key":         {signedText, with(12, v3[12]^1), "it is not signed by any of the given keys"},
		"a stranger":             {signedText, signV3(t, signer(t, "stranger", nil), signedText), "it is not signed by any of the given keys"},
		"MD5":                    {signedText, with(19, 1), "an untrusted hash"},
		"SHA-1":                  {signedText, with(19, 2), "an untrusted hash"},
		"DSA":                    {signedText, with(18, 17), "an old signature that is not RSA"},
		"cut":                    {signedText, v3[:len(v3)-1], "its signature is not valid"},
		"longer":                 {signedText, append(bytes.Clone(v3), 0), "its signature is not valid"},
		"only a frame":           {signedText, []byte{0x89, 0, 1, 3}, "its signature is not valid"},
		"nothing":                {signedText, nil, "its signature is not valid"},
		"text":                   {signedText, []byte("hello"), "its signature is not valid"},
		"a packet of a key":      {signedText, append([]byte{0x99}, v3[1:]...), "its signature is not valid"},
		"of unknown length":      {signedText, append([]byte{0x8b}, v3[1:]...), "its signature is not valid"},
		"of 4 bytes of length":   {signedText, slices.Concat([]byte{0xc2, 255, 0, 0, 1, 0}, v3[3:]), "its signature is not valid"},
		"a number of other size": {signedText, with(22, 0), "its signature is not valid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantErr(t, keys.Packet(strings.NewReader(tt.text), tt.sig), tt.err)
		})
	}
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte{0x89, 0, 1, 3})
	f.Add([]byte{0xc2, 5, 4, 0, 1, 8, 0})
	f.Fuzz(func(t *testing.T, sig []byte) {
		if (Keys{}).Packet(strings.NewReader("x"), sig) == nil {
			t.Error("a signature is valid without any key")
		}
	})
}
