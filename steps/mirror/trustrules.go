package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/signature"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/cosign"
	"github.com/bayplan/bayplan/internal/trust/keyless"
	"github.com/bayplan/bayplan/internal/trust/lookaside"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A keeping is what is done about signatures.
type keeping string

// Words returns the texts that the setting may hold, the default first.
func (keeping) Words() []string { return []string{"ignore", "copy", "require"} }

// signatureRules say what is done about signatures, and which images are trusted.
type signatureRules struct {
	// What is done about signatures and the like, in the words that the text form of signatures
	// has.
	Keep keeping `json:"keep,omitempty" jsonschema:"enum=ignore,enum=copy,enum=require,default=ignore"`
	// What proves where images come from. Of the rules, the first whose pattern matches an image's
	// repository at its source decides. An image that no rule matches is refused, and so is one
	// that its rule does not prove: the step fails, and copies the other images.
	Trust []trustRule `json:"trust,omitempty" jsonschema:"minItems=1"`
}

// A trustRule names images and what proves them.
type trustRule struct {
	// Repositories at the source, with the registry's host: * stands for any text without a slash,
	// ** for any text, ? for one character. Images of layouts are called oci:LAYOUT:path.
	Images string `json:"images"`
	// What takes the place of the pattern's beginning, up to its first wildcard, in the names that
	// signatures have: images of a mirror are signed under the names that they have at the registry
	// where they come from. With images: "mirror.example.com/redhat/**" and signed_as:
	// registry.redhat.io/ a signature of mirror.example.com/redhat/ubi9 must name
	// registry.redhat.io/ubi9, and lies in a store under ubi9.
	SignedAs *string `json:"signed_as,omitempty"`
	// File of OpenPGP public keys, armored or not: a signature of simple signing by one of them
	// proves an image. It lies in the store, and names the image as the list does: by its tag, or,
	// where the list has a digest, by its repository.
	GPG *plan.Path `json:"gpg,omitempty"`
	// Address (https, http or file) of the store beside the registry that has the signatures, as
	// STORE/PATH@sha256=HEX/signature-1 and so on. A web server's connection is under
	// connections.hosts.
	Store *string `json:"store,omitempty"`
	// File of a public key in PEM, as cosign writes it: a signature of cosign by it proves an image,
	// as a document in the tag sha256-HEX.sig or in a referrer, or as a bundle in a referrer. A
	// document that names a repository must name the image's.
	Key *plan.Path `json:"key,omitempty"`
	// URL of who has looked at the signer's identity, as the signer's certificate has it, such as
	// https://token.actions.githubusercontent.com. With identity and root: a signature of cosign
	// without a key of its own (keyless) proves an image, in the same places as one by a key.
	Issuer *string `json:"issuer,omitempty"`
	// URL or mail address of the signer, as the certificate has it; with *, ** and ? as in images.
	Identity *string `json:"identity,omitempty"`
	// File trusted_root.json of the Sigstore instance that has issued the certificate: its
	// authorities and logs. Nothing else is asked. The certificate must be in a log of
	// certificates, the signature in a log of signatures, and the certificate must have been valid
	// when, by that log or by a timestamp, the signature was made.
	Root *plan.Path `json:"root,omitempty"`
	// Nothing has to prove these images.
	Unsigned *bool `json:"unsigned,omitempty"`
}

// keep gives the word for what is done about signatures.
func (m *mirror) keep() keeping { return m.Signatures.Text + m.Signatures.Other.Keep }

// trustRules gives the rules of the plan.
func (m *mirror) trustRules() []trustRule { return m.Signatures.Other.Trust }

// validateSignatures checks what the settings show by themselves.
func (m *mirror) validateSignatures() []error {
	errs := []error{
		plan.At("signatures", setting.OneOf(string(m.Signatures.Text), keeping("").Words()...)),
		plan.At("signatures.keep", setting.OneOf(string(m.Signatures.Other.Keep), keeping("").Words()...)),
	}
	errs = append(errs, checkOrder(m.trustRules())...)
	for i, r := range m.trustRules() {
		at := fmt.Sprintf("signatures.trust[%d]", i)
		errs = append(errs, plan.At(at+".images", r.checkPattern()), plan.At(at, r.checkProofs()),
			plan.At(at+".signed_as", trust.CheckSignedAs(r.Images, setting.Text(r.SignedAs))))
	}
	return errs
}

func (r *trustRule) checkPattern() error {
	if _, _, layout := registry.CutLayout(r.Images); layout && r.GPG != nil && r.SignedAs == nil {
		return fault.WithHint(fmt.Errorf("%q: an image of a layout has no signatures in a store", r.Images), "signed_as: HOST/ gives the images the names under which they are signed")
	}
	return trust.CheckPattern(r.Images)
}

// given gives the kinds of proof that the rule names.
func (r *trustRule) given() []string {
	var kinds []string
	for kind, isGiven := range map[string]bool{
		"gpg": r.GPG != nil || r.Store != nil, "key": r.Key != nil, "issuer": r.isKeyless(), "unsigned": r.Unsigned != nil,
	} {
		if isGiven {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// checkProofs gives an error unless the rule has one kind of proof, and all of it.
func (r *trustRule) checkProofs() error {
	switch kinds := r.given(); {
	case len(kinds) == 0:
		return fault.WithHint(errors.New("nothing says what proves these images"), "give gpg with store, key, issuer with identity and root, or unsigned: true if nothing has to")
	case r.Unsigned != nil && !*r.Unsigned:
		return plan.At("unsigned", fault.WithHint(errors.New("false proves nothing"), "give gpg with store, key, or issuer with identity and root; an image that no rule matches is refused"))
	case r.Unsigned != nil && r.SignedAs != nil:
		return errors.New("it has signed_as and unsigned, and what is unsigned has no name in a signature")
	case r.GPG == nil && r.Store != nil:
		return setting.Alone("gpg", false, "store")
	case len(kinds) > 1:
		return fmt.Errorf("it has %s, and a rule has one kind of proof", strings.Join(kinds, " and "))
	case r.GPG != nil && r.Store == nil:
		return setting.Alone("gpg", true, "store")
	case r.isKeyless():
		return r.checkKeyless()
	}
	return plan.At("store", lookaside.CheckStore(setting.Text(r.Store)))
}

// checkOrder finds a list without a rule, and rules that never decide, since an earlier rule
// matches all repositories that they match. A pattern that is not known yet passes.
func checkOrder(rules []trustRule) []error {
	if rules != nil && len(rules) == 0 {
		return []error{plan.At("signatures.trust", errors.New("it has no rule; leave it out if nothing has to prove the images"))}
	}
	var errs []error
	for i, r := range rules {
		for j, earlier := range rules[:i] {
			if trust.CheckPattern(earlier.Images) == nil && trust.NewPattern(earlier.Images).Covers(r.Images) {
				err := fmt.Errorf("%q never decides: rule %d (%q) comes before it", r.Images, j+1, earlier.Images)
				errs = append(errs, plan.At(fmt.Sprintf("signatures.trust[%d].images", i), fault.WithHint(err, "write the rule for fewer images first")))
				break
			}
		}
	}
	return errs
}

// isKeyless reports whether a certificate is to prove the images.
func (r *trustRule) isKeyless() bool { return r.Issuer != nil || r.Identity != nil || r.Root != nil }

// checkKeyless checks a rule that names a signer. Without one of its parts it could trust
// everybody, or nobody.
func (r *trustRule) checkKeyless() error {
	switch {
	case r.Root == nil:
		return fault.WithHint(errors.New("it has no root, so that nothing can prove these images"), "root: FILE names the trusted_root.json of the Sigstore instance")
	case r.Issuer == nil:
		return errors.New("it has no issuer, so that nothing says who knows the signer")
	case r.Identity == nil:
		return errors.New("it has no identity, so that nothing says who may have signed")
	}
	return plan.At("issuer", keyless.CheckIssuer(*r.Issuer))
}

// A keyFile is a file that holds what proves images.
type keyFile struct {
	field string // of the rule
	rule  int
	path  string
}

// at gives the place of the file in the plan.
func (f keyFile) at() string { return fmt.Sprintf("signatures.trust[%d].%s", f.rule, f.field) }

// check reads the file, and gives an error unless it is of its kind.
func (f keyFile) check(w runner.World) error {
	content, err := readKey(w, f.path)
	if err != nil {
		return err
	}
	switch f.field {
	case "gpg":
		_, err = signature.Parse(f.path, content)
	case "key":
		_, err = cosign.ParseKeys(f.path, content)
	case "root":
		_, err = keyless.ParseRoot(f.path, content)
	}
	return err
}

// keyFiles gives the files that rules name.
func (m *mirror) keyFiles() []keyFile {
	var files []keyFile
	for i, r := range m.trustRules() {
		for _, f := range []keyFile{{"gpg", i, string(setting.Text(r.GPG))}, {"key", i, string(setting.Text(r.Key))}, {"root", i, string(setting.Text(r.Root))}} {
			if f.path != "" {
				files = append(files, f)
			}
		}
	}
	return files
}

// checkKeyFiles checks all files that rules name and that are there.
func (m *mirror) checkKeyFiles(w runner.World) error {
	var errs []error
	for _, f := range m.keyFiles() {
		fi, err := w.Stat(f.path)
		switch {
		case err == nil && fi.IsDir():
			errs = append(errs, plan.At(f.at(), fmt.Errorf("%s is a directory, not a file of keys", f.path)))
		case err == nil:
			errs = append(errs, plan.At(f.at(), f.check(w)))
		}
	}
	return errors.Join(errs...)
}

// keyInputs gives the inputs of the step that are files of keys.
func (m *mirror) keyInputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	var in []runner.Input
	for _, f := range m.keyFiles() {
		digest, err := digestOf(ctx, w, f.path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.at(), err)
		}
		in = append(in, runner.Input{Name: f.at(), Digest: digest})
	}
	return in, nil
}

func digestOf(ctx context.Context, w runner.World, path string) (string, error) {
	sums, err := w.Sum(ctx, path, runner.SHA256)
	return "sha256:" + sums[runner.SHA256], err
}

// trustReads gives the paths that rules name, for Paths.
func (m *mirror) trustReads() []plan.Path {
	var reads []plan.Path
	for _, f := range m.keyFiles() {
		reads = append(reads, plan.Path(f.path))
	}
	for _, r := range m.trustRules() {
		reads = append(reads, plan.Path(download.LocalPath(setting.Text(r.Store))))
	}
	return reads
}

// stores gives the web servers that rules name.
func (m *mirror) stores() []runner.Server {
	var all []runner.Server
	for i, r := range m.trustRules() {
		if r.Store != nil {
			all = append(all, setting.WebServer(fmt.Sprintf("signatures.trust[%d].store", i), *r.Store)...)
		}
	}
	return all
}
