package keyless

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/dev/sigstore"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/internal/trust/cosign"
)

func encode(t *testing.T, root map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newRoot(t *testing.T, content []byte) *Root {
	t.Helper()
	root, err := ParseRoot("trusted_root.json", content)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestCheck(t *testing.T) {
	for name, tt := range sigstore.Cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := tt.Document(t)
			v := &Verifier{Root: newRoot(t, d.Root), Issuer: sigstore.TrustedIssuer, Identity: trust.NewPattern(sigstore.TrustedIdentity)}
			err := v.Check(d.Signature)
			if (err == nil) != (tt.Want == "") || err != nil && !strings.Contains(err.Error(), tt.Want) {
				t.Errorf("got  %v\nwant %s", err, tt.Want)
			}
			read, err := cosign.ReadBundle(d.Bundle)
			if err != nil {
				t.Fatal(err)
			}
			read.Sum = d.Signature.Sum
			if err := v.Check(read); (err == nil) != (tt.Want == "") {
				t.Errorf("as a bundle: %v", err)
			}
		})
	}
}

// A pattern names signers; an issuer is always written out.
func TestIdentities(t *testing.T) {
	i := sigstore.New(t)
	root := newRoot(t, encode(t, i.Root()))
	by := sigstore.Signer{Identity: "https://git.test/mine/app/.ci/release.yml@refs/tags/v1", Issuer: "https://issuer.test", From: i.Start}
	sig := i.Sign(by, sigstore.What{Text: []byte("text")}, sigstore.Both)
	for pattern, want := range map[string]bool{
		by.Identity: true, "https://git.test/mine/app/.ci/release.yml@refs/tags/*": true, "https://git.test/mine/**": true, "**": true,
		"https://git.test/mine/*": false, "https://git.test/mine/app/.ci/release.yml": false, "": false, "git.test/**": false,
	} {
		v := &Verifier{Root: root, Issuer: by.Issuer, Identity: trust.NewPattern(pattern)}
		if err := v.Check(sig); (err == nil) != want {
			t.Errorf("%q: %v", pattern, err)
		}
	}
	by.Identity = "me@git.test"
	v := &Verifier{Root: root, Issuer: by.Issuer, Identity: trust.NewPattern("*@git.test")}
	if err := v.Check(i.Sign(by, sigstore.What{Text: []byte("text")}, sigstore.Both)); err != nil {
		t.Error(err)
	}
	v.Issuer = "https://*"
	if err := v.Check(sig); err == nil {
		t.Error("an issuer is taken as a pattern")
	}
	if err := v.Check(&cosign.Signature{Text: sig.Text, Signature: sig.Signature}); err == nil || !strings.Contains(err.Error(), "it has no certificate") {
		t.Errorf("got %v", err)
	}
}

// Nothing in a rule or in a certificate that is empty matches what is empty in the other.
func TestNobody(t *testing.T) {
	i := sigstore.New(t)
	root := newRoot(t, i.RootFile())
	for name, by := range map[string]sigstore.Signer{
		"no issuer in either": {Identity: "https://git.test/app"},
		"no issuer to trust":  {Identity: "https://git.test/app", Issuer: "https://issuer.test"},
	} {
		by.From = i.Start
		v := &Verifier{Root: root, Identity: trust.NewPattern("**")}
		if err := v.Check(i.Sign(by, sigstore.What{Text: []byte("text")}, sigstore.Both)); err == nil || !strings.Contains(err.Error(), "it is signed by https://git.test/app") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A log entry with a sum of a kind that is not known is about no text.
func TestUnknownSum(t *testing.T) {
	i := sigstore.New(t)
	sig := i.Sign(sigstore.Signer{Identity: "https://git.test/app", Issuer: "https://issuer.test", From: i.Start}, sigstore.What{Text: []byte("text")}, sigstore.Both)
	known := sig.Entries[0].Body
	if err := checkBody(known, sig); err != nil {
		t.Fatal(err)
	}
	value := hex.EncodeToString(sig.Sum[:])
	for name, change := range map[string][2]string{
		"another kind":         {`"sha256"`, `"sha1"`},
		"no kind":              {`"algorithm":"sha256",`, ``},
		"no value":             {value, ""},
		"a text for the value": {value, hex.EncodeToString([]byte("no sum"))},
	} {
		for _, also := range []string{`"sha256"`, `"md5"`} {
			body := bytes.ReplaceAll(bytes.ReplaceAll(known, []byte(change[0]), []byte(change[1])), []byte(`"sha256"`), []byte(also))
			if err := checkBody(body, sig); bytes.Equal(body, known) || err == nil || !strings.Contains(err.Error(), "its log entry is for another text") {
				t.Errorf("%s, %s: got %v\n%s", name, also, err, body)
			}
			digest := *sig
			digest.Text = nil
			if err := checkBody(body, &digest); err == nil {
				t.Errorf("%s, %s: it is about the digest", name, also)
			}
		}
	}
}

func TestCheckIssuer(t *testing.T) {
	for _, good := range []string{"", "https://issuer.test", "https://token.actions.githubusercontent.com", "http://dex.example:5556/dex"} {
		if err := CheckIssuer(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"issuer.test", "https://", "ftp://issuer.test", "https://*.test", "://", "me@git.test"} {
		if err := CheckIssuer(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestParseRoot(t *testing.T) {
	entry := func(root map[string]any, key string) map[string]any { return root[key].([]any)[0].(map[string]any) }
	for name, tt := range map[string]struct {
		change func(root map[string]any)
		want   string
	}{
		"no timestamp authority": {func(r map[string]any) { delete(r, "timestampAuthorities") }, ""},
		"an unknown part":        {func(r map[string]any) { r["operators"] = 1 }, ""},
		"another file":           {func(r map[string]any) { r["mediaType"] = sigstore.Bundle03 }, "it is not a trusted root that can be read"},
		"no media type":          {func(r map[string]any) { delete(r, "mediaType") }, "it is not a trusted root that can be read"},
		"no authority":           {func(r map[string]any) { delete(r, "certificateAuthorities") }, "it names no certificate authority, and no signature can be proved without one"},
		"no log of signatures":   {func(r map[string]any) { delete(r, "tlogs") }, "it names no log of signatures"},
		"no log of certificates": {func(r map[string]any) { delete(r, "ctlogs") }, "it names no log of certificates"},
		"an empty chain":         {func(r map[string]any) { entry(r, "certificateAuthorities")["certChain"] = nil }, "https://fulcio.test has no certificate"},
		"a broken certificate": {func(r map[string]any) {
			entry(r, "timestampAuthorities")["certChain"] = map[string]any{"certificates": []any{map[string]any{"rawBytes": "AAAA"}}}
		}, "a certificate of https://stamps.test cannot be read"},
		"a broken key": {func(r map[string]any) { entry(r, "tlogs")["publicKey"] = map[string]any{"rawBytes": "AAAA"} }, "log https://rekor.test: its public key cannot be read"},
		"a broken old key": {func(r map[string]any) {
			entry(r, "ctlogs")["publicKey"] = map[string]any{"rawBytes": "AAAA", "keyDetails": "PKCS1_RSA_PKCS1V5"}
		}, "log https://ct.test: its public key cannot be read"},
		"another hash": {func(r map[string]any) { entry(r, "tlogs")["hashAlgorithm"] = "SHA3_256" }, `its tree has the hash "SHA3_256", which is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			root := sigstore.New(t).Root()
			tt.change(root)
			_, err := ParseRoot("r.json", encode(t, root))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	for _, content := range []string{"", "[]", "<html>", "{}"} {
		if _, err := ParseRoot("r.json", []byte(content)); err == nil {
			t.Errorf("%q is taken", content)
		}
	}
}

// A timestamp is read by a library that would overflow the stack, if it were let.
func TestDeepTimestamp(t *testing.T) {
	root := newRoot(t, sigstore.New(t).RootFile())
	sequence := func(content []byte) []byte {
		b, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: content})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, tt := range map[string]struct {
		levels int
		want   string
	}{
		"as deep as can be": {maxTimestamp/2 - 10, ""},
		"too deep":          {2 << 20, "its timestamp is larger than 16384 bytes"},
	} {
		granted := sequence([]byte{2, 1, 0})
		response := sequence(append(granted, sequence(bytes.Repeat([]byte{0x30, 0x80}, tt.levels))...))
		if _, err := root.checkTimestamp(response, []byte("signature")); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
