package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/rogpeppe/go-internal/testscript"
)

// signImage is the script command signimage KEYS STORE LOCKFILE IMAGE...: with a new key,
// whose public half goes into the file KEYS, it signs images by the digests in a lock file,
// and puts the signatures into a directory as a store has them.
func signImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: signimage keys store lockfile image...")
	}
	key, err := openpgp.NewEntity("images", "", "images@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	ts.Check(err)
	var public bytes.Buffer
	ts.Check(key.Serialize(&public))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), public.Bytes(), 0o600))
	for _, image := range args[3:] {
		found := regexp.MustCompile(regexp.QuoteMeta(image) + `: (sha256:[0-9a-f]+)`).FindStringSubmatch(ts.ReadFile(args[2]))
		if found == nil {
			ts.Fatalf("%s has no digest of %s", args[2], image)
		}
		var signed bytes.Buffer
		w, err := openpgp.Sign(&signed, key, nil, nil)
		ts.Check(err)
		_, err = fmt.Fprintf(w, `{"critical":{"type":"atomic container signature","image":{"docker-manifest-digest":%q},"identity":{"docker-reference":%q}},"optional":{}}`, found[1], image)
		ts.Check(err)
		ts.Check(w.Close())
		repository, _, _ := strings.Cut(image, ":")
		_, path, _ := strings.Cut(repository, "/")
		dir := filepath.Join(ts.MkAbs(args[1]), path+"@"+strings.Replace(found[1], ":", "=", 1))
		ts.Check(os.MkdirAll(dir, 0o700))
		ts.Check(os.WriteFile(filepath.Join(dir, "signature-1"), signed.Bytes(), 0o600))
	}
}
