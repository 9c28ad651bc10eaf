package fetch

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func signed(t *testing.T, e *openpgp.Entity, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&b, e, strings.NewReader(text), nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFetchSigned(t *testing.T) {
	key, sums := testbed.NewKey(t), steptest.SHA256("body")+"  f\n"
	server := testbed.FileServer(t, map[string]string{
		"/f": "body", "/f.asc": signed(t, key, "body"),
		"/sums": sums, "/sums.asc": signed(t, key, sums), "/sums.bad": signed(t, testbed.NewKey(t), sums),
		"/evil": "evil",
	})
	tests := map[string]struct{ url, checksums, signature, err string }{
		"the list":               {"/f", "/sums", "/sums.asc", ""},
		"the file":               {"/f", "", "/f.asc", ""},
		"the list, by another":   {"/f", "/sums", "/sums.bad", "it is not signed by any of the given keys"},
		"the list, not at all":   {"/f", "/sums", "/gone", "404"},
		"the file is another":    {"/evil", "", "/f.asc", "its signature is not valid"},
		"something else's":       {"/f", "/sums", "/f.asc", "its signature is not valid"},
		"no signature at all":    {"/f", "", "/sums", "its signature is not valid"},
		"the list of a stranger": {"/evil", "/sums", "/sums.asc", `it has no checksum of "evil"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "f")
			f := &fetchFile{
				URL: addresses{Text: server.URL + tt.url}, To: plan.Path(to),
				Signature: new(server.URL + tt.signature), Keyring: new(plan.Path(testbed.PublicKey(t, key))), out: testbed.WithHosts(t),
			}
			if tt.checksums != "" {
				f.Checksums = new(server.URL + tt.checksums)
			}
			found, err := looked(t, f, &runner.Disk{})
			if err == nil {
				_, err = found.Change.Apply(t.Context(), &steptest.Progress{})
			}
			if err == nil {
				_, err = f.Verify(t.Context(), (&runner.Disk{}).Hard())
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("got %v, want %q", err, tt.err)
			}
			if _, there := os.Stat(to); (there == nil) != (tt.err == "") {
				t.Errorf("the file: %v", there)
			}
			if err != nil {
				return
			}
			steptest.PutFile(t, to, "BODY")
			if _, err := f.Verify(t.Context(), (&runner.Disk{}).Hard()); err == nil {
				t.Error("verify takes what is not signed")
			}
		})
	}
}

// A list that carries its signature is read also without a keyring, with a note.
func TestSignedListWithoutKeyring(t *testing.T) {
	key, sums := testbed.NewKey(t), steptest.SHA256("body")+"  f\n"
	var clear, message bytes.Buffer
	w, err := clearsign.Encode(&clear, key.PrivateKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := openpgp.Sign(&message, key, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, into := range []io.WriteCloser{w, m} {
		_, err := io.WriteString(into, sums)
		if err := errors.Join(err, into.Close()); err != nil {
			t.Fatal(err)
		}
	}
	server := testbed.FileServer(t, map[string]string{
		"/f": "body", "/clear": clear.String(), "/message": message.String(), "/plain": sums, "/sums.asc": signed(t, key, sums),
	})
	for _, tt := range []struct {
		list    string
		keyring bool
		note    string
		err     string
	}{
		{list: "/clear", note: "is not checked: name the file of the signer's keys under keyring"},
		{list: "/message", note: "is not checked: name the file of the signer's keys under keyring"},
		{list: "/plain"},
		{list: "/clear", keyring: true},
		{list: "/message", keyring: true},
		{list: "/plain", keyring: true, err: "has no signature in it"},
		{list: "/sums.asc", err: "it is a signature without the text that it signs"},
	} {
		f := &fetchFile{
			URL: addresses{Text: server.URL + "/f"}, To: plan.Path(filepath.Join(t.TempDir(), "f")),
			Checksums: new(server.URL + tt.list), out: testbed.WithHosts(t),
		}
		if tt.keyring {
			f.Keyring = new(plan.Path(testbed.PublicKey(t, key)))
		}
		found, err := looked(t, f, &runner.Disk{})
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) || fault.Hint(err) == "" {
				t.Errorf("%s: got %v, want %q with a hint", tt.list, err, tt.err)
			}
		case err != nil:
			t.Errorf("%s, keyring %t: %v", tt.list, tt.keyring, err)
		case (tt.note != "") != (len(found.Notes) == 1) || tt.note != "" && !strings.Contains(found.Notes[0], tt.note):
			t.Errorf("%s, keyring %t: notes %q, want %q", tt.list, tt.keyring, found.Notes, tt.note)
		}
	}
}
