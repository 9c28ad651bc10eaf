package mirror

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/signature"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/cosign"
	"github.com/bayplan/bayplan/internal/trust/keyless"
	"github.com/bayplan/bayplan/internal/trust/lookaside"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// rule makes a rule of its settings. Only what says that nothing has to prove an image has
// no proof.
func (m *mirror) rule(w runner.World, r trustRule) (trust.Rule, error) {
	rule := trust.Rule{Images: m.repositories(r.Images), SignedAs: setting.Text(r.SignedAs), Name: "unsigned"}
	var err error
	switch {
	case r.GPG != nil:
		err = m.proveByGPG(w, r, &rule)
	case r.Key != nil:
		err = m.proveByKey(w, r, &rule)
	case r.isKeyless():
		err = m.proveByCertificate(w, r, &rule)
	case r.Unsigned == nil || !*r.Unsigned:
		err = errors.New("nothing says what proves these images")
	}
	return rule, err
}

// proveByGPG adds the proof of OpenPGP signatures in a store.
func (m *mirror) proveByGPG(w runner.World, r trustRule, rule *trust.Rule) error {
	file, store := string(setting.Text(r.GPG)), setting.Text(r.Store)
	content, err := readKey(w, file)
	if err != nil {
		return fmt.Errorf("gpg: %w", err)
	}
	keys, err := signature.Parse(file, content)
	if err != nil {
		return fmt.Errorf("gpg: %w", err)
	}
	rule.Name, rule.Mark = "gpg "+filepath.Base(file), mark("gpg", store, string(content))
	rule.Proof = &lookaside.Proof{Keys: keys, Store: store, Downloads: m.out.Downloads(), Canonical: m.out.Registry().Canonical}
	return nil
}

// proveByKey adds the proof of cosign's signatures by a key.
func (m *mirror) proveByKey(w runner.World, r trustRule, rule *trust.Rule) error {
	file := string(setting.Text(r.Key))
	content, err := readKey(w, file)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	keys, err := cosign.ParseKeys(file, content)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	rule.Name, rule.Mark = "key "+filepath.Base(file), mark("key", string(content))
	rule.Proof = m.cosignProof(keys)
	return nil
}

// proveByCertificate adds the proof of cosign's signatures by a signer's certificate.
func (m *mirror) proveByCertificate(w runner.World, r trustRule, rule *trust.Rule) error {
	file, issuer, identity := string(setting.Text(r.Root)), setting.Text(r.Issuer), setting.Text(r.Identity)
	content, err := readKey(w, file)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	root, err := keyless.ParseRoot(file, content)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	rule.Name, rule.Mark = fmt.Sprintf("%s by %s", identity, issuer), mark("keyless", issuer, identity, string(content))
	rule.Proof = m.cosignProof(&keyless.Verifier{Root: root, Issuer: issuer, Identity: trust.NewPattern(identity)})
	return nil
}

func (m *mirror) cosignProof(v cosign.Verifier) trust.Proof {
	return &cosign.Proof{Verifier: v, Registry: m.out.Registry(), Canonical: m.out.Registry().Canonical}
}

// maxKeyFile is the largest size of a file that proves images.
const maxKeyFile = 4 << 20

// readKey reads a file of keys. In a diff an earlier step may be going to write it.
func readKey(w runner.World, path string) ([]byte, error) {
	f, err := w.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(b) > maxKeyFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxKeyFile)
	}
	if err != nil {
		return nil, err
	}
	return textfile.Decode(b)
}

// mark is a text that differs when one of the parts differs.
func mark(parts ...string) string { return strings.Join(parts, "\n") }
