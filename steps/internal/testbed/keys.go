package testbed

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/bayplan/bayplan/runner/steptest"
)

// NewKey makes an OpenPGP key that can sign.
func NewKey(t *testing.T) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("images", "", "images@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// PublicKey writes the public half of a key into a file and gives its path.
func PublicKey(t *testing.T, e *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.gpg")
	steptest.PutFile(t, file, b.String())
	return file
}
