package lookaside

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/signature"
	"github.com/bayplan/bayplan/internal/trust"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	path    = "/store/mine/app@sha256=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/signature-"
)

func document(digest, reference string) string {
	return fmt.Sprintf(`{"critical":{"type":"atomic container signature","image":{"docker-manifest-digest":%q},"identity":{"docker-reference":%q}},"optional":{}}`, digest, reference)
}

func newSigner(t *testing.T, conf *packet.Config) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("signer", "", "signer@example.org", conf)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func sign(t *testing.T, e *openpgp.Entity, text string, conf *packet.Config) string {
	t.Helper()
	var out bytes.Buffer
	w, err := openpgp.Sign(&out, e, nil, conf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func keysOf(t *testing.T, all ...*openpgp.Entity) signature.Keys {
	t.Helper()
	var out bytes.Buffer
	for _, e := range all {
		if err := e.Serialize(&out); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := signature.Parse("keys", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// newProof makes a proof whose store is answered by a handler.
func newProof(t *testing.T, keys signature.Keys, answer http.Handler) *Proof {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	client, err := download.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Proof{Keys: keys, Store: s.URL + "/store/", Downloads: client, Canonical: func(s string) string { return s }}
}

// files serves texts by path.
type files map[string]string

func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, ok := f[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, text)
}

func TestCheck(t *testing.T) {
	mine, other := newSigner(t, nil), newSigner(t, nil)
	then := &packet.Config{Time: func() time.Time { return time.Now().Add(-48 * time.Hour) }}
	expiring := &packet.Config{Time: then.Time, KeyLifetimeSecs: 3600}
	expired, revoked := newSigner(t, expiring), newSigner(t, then)
	byRevoked := sign(t, revoked, document(digestA, "quay.io/mine/app:1"), then)
	if err := revoked.RevokeKey(packet.KeyCompromised, "it was stolen", nil); err != nil {
		t.Fatal(err)
	}
	keys := keysOf(t, mine, expired, revoked)
	good := sign(t, mine, document(digestA, "quay.io/mine/app:1"), nil)
	byOther := sign(t, other, document(digestA, "quay.io/mine/app:1"), nil)
	for name, tt := range map[string]struct {
		signatures []string
		want       string
	}{
		"right":                {[]string{good}, ""},
		"the second is right":  {[]string{byOther, good}, ""},
		"garbage and then one": {[]string{"<html>", "", good}, ""},
		"none":                 {nil, "there is no signature of it in http://"},
		"another key":          {[]string{byOther}, "signature 1: it is not signed by any of the given keys"},
		"another digest":       {[]string{sign(t, mine, document(digestB, "quay.io/mine/app:1"), nil)}, "signature 1: it is for another image, " + digestB},
		"another repository":   {[]string{sign(t, mine, document(digestA, "quay.io/mine/other:1"), nil)}, "signature 1: it is for another repository, quay.io/mine/other"},
		"another tag":          {[]string{sign(t, mine, document(digestA, "quay.io/mine/app:2"), nil)}, `signature 1: it is for another tag, "2"`},
		"an expired key":       {[]string{sign(t, expired, document(digestA, "quay.io/mine/app:1"), then)}, "signature 1: the key of its signature has expired"},
		"a revoked key":        {[]string{byRevoked}, "signature 1: the key of its signature has been revoked"},
		"two that are wrong":   {[]string{byOther, "garbage"}, "any of the given keys; signature 2: "},
		"not signed":           {[]string{document(digestA, "quay.io/mine/app:1")}, "signature 1: there is no signature in it"},
		"another document":     {[]string{sign(t, mine, "hello\x1b[31m", nil)}, "signature 1: it holds no document of simple signing"},
		"a terminal's codes":   {[]string{sign(t, mine, strings.Replace(document(digestA, "quay.io/red:1"), "red", `\u001b[31mred`, 1), nil)}, "quay.io/"},
		"too large":            {[]string{strings.Repeat("x", maxSignature+1)}, "signature 1: it is larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			served := files{}
			for i, s := range tt.signatures {
				served[fmt.Sprintf("%s%d", path, i+1)] = s
			}
			err := newProof(t, keys, served).Check(t.Context(), trust.NewImage("quay.io/mine/app:1", digestA))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\x1b") {
				t.Errorf("the error has codes of a terminal: %q", err)
			}
		})
	}
}

// A store that never says that there is no further signature is left in the end.
func TestCheckEndlessStore(t *testing.T) {
	keys := keysOf(t, newSigner(t, nil))
	asked := 0
	err := newProof(t, keys, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = io.WriteString(w, "<html>welcome</html>")
	})).Check(t.Context(), trust.NewImage("quay.io/mine/app:1", digestA))
	if err == nil || asked != maxSignatures {
		t.Errorf("asked %d times: %v", asked, err)
	}
	asked = 0
	err = newProof(t, keys, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		for b := make([]byte, 64<<10); ; {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	})).Check(t.Context(), trust.NewImage("quay.io/mine/app:1", digestA))
	if err == nil || !strings.Contains(err.Error(), "is larger than") || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestCheckStoreElsewhere(t *testing.T) {
	keys := keysOf(t, newSigner(t, nil))
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(other.Close)
	u, err := url.Parse(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	to := "http://localhost:" + u.Port()
	err = newProof(t, keys, http.RedirectHandler(to, http.StatusFound)).Check(t.Context(), trust.NewImage("quay.io/mine/app:1", digestA))
	if err == nil || !strings.Contains(err.Error(), "redirects to another host, localhost:") || reached {
		t.Errorf("reached %t: %v", reached, err)
	}
	err = newProof(t, keys, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })).
		Check(t.Context(), trust.NewImage("quay.io/mine/app:1", digestA))
	if err == nil || !strings.Contains(err.Error(), "the server answers 403") || fault.IsConnection(err) {
		t.Errorf("got %v", err)
	}
}

// A mirror's image is signed, and lies in the store, under the name where it comes from.
func TestCheckSignedAs(t *testing.T) {
	mine := newSigner(t, nil)
	served := files{path + "1": sign(t, mine, document(digestA, "quay.io/mine/app:1"), nil)}
	p := newProof(t, keysOf(t, mine), served)
	for _, repository := range []string{"mirror.example/quay/mine/app", "oci:/media/site:quay/mine/app"} {
		im := trust.Image{Repository: repository, Tag: "1", Digest: digestA, SignedAs: "quay.io/mine/app"}
		if err := p.Check(t.Context(), im); err != nil {
			t.Errorf("%s: %v", repository, err)
		}
		im.Tag = "2"
		if err := p.Check(t.Context(), im); err == nil || !strings.Contains(err.Error(), `it is for another tag, "1"`) {
			t.Errorf("%s: got %v", repository, err)
		}
		im.SignedAs = "quay.io/mine/other"
		if err := p.Check(t.Context(), im); err == nil || !strings.Contains(err.Error(), "there is no signature") {
			t.Errorf("%s: got %v", repository, err)
		}
	}
}

// A store may be a directory that was carried here.
func TestCheckLocalStore(t *testing.T) {
	mine := newSigner(t, nil)
	dir := t.TempDir()
	file := filepath.Join(dir, strings.TrimPrefix(path, "/store")+"1")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	p := &Proof{Keys: keysOf(t, mine), Store: "file://" + dir, Canonical: func(s string) string { return s }}
	im := trust.NewImage("quay.io/mine/app:1", digestA)
	if err := p.Check(t.Context(), im); err == nil || !strings.Contains(err.Error(), "there is no signature") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(file, []byte(sign(t, mine, document(digestA, "quay.io/mine/app:1"), nil)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Check(t.Context(), im); err != nil {
		t.Error(err)
	}
	if err := p.Check(t.Context(), trust.NewImage("oci:/media/x:mine/app:1", digestA)); err == nil {
		t.Error("an image of a layout is proved by a store")
	}
}

func TestCheckStore(t *testing.T) {
	for _, good := range []string{"", "https://store.example/sigs", "http://store.example:8080", "file:///media/sigs"} {
		if err := CheckStore(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"store.example/sigs", "https://", "ftp://store.example", "https://u:p@store.example", "https://store.example/?a=b", "https://store.example/#x", "file://sigs", "://"} {
		if err := CheckStore(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
