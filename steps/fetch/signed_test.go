package fetch

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"

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
