//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const mediaPlan = `apiVersion: bayplan/v1
name: media
vars: { key: open }
connections:
  registries:
    upstream: { host: registry.access.redhat.com, embedded: { images: rhosp13 } }
    edge: { host: "192.0.2.1:8787", tls: disabled, embedded: { dir: registry } }
steps:
  pack:
    type: mirror
    with:
      images: [registry.access.redhat.com/rhosp13/openstack-aodh-api:13.0-40]
      to: { layout: media.tar, split: 64KiB, sign: { key: "${vars.key}.key", env: MEDIA_PASSWORD } }
  push:
    type: mirror
    needs: [pack]
    with: { images: [{ layout: media.tar, key: "${vars.key}.pub" }], to: edge }
`

// TestMinisign lets minisign check what bayplan signs, with a plain and with an encrypted key,
// and bayplan what minisign signs. sha256sum checks the table of pieces.
func TestMinisign(t *testing.T) {
	t.Setenv("MEDIA_PASSWORD", "word")
	s := newPlan(t, mediaPlan)
	tool := func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir, cmd.Stdin = s.dir, strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	tool("", "minisign", "-G", "-W", "-p", "open.pub", "-s", "open.key")
	tool("word\nword\n", "minisign", "-G", "-p", "closed.pub", "-s", "closed.key")
	signature := filepath.Join(s.dir, "media.tar.pieces.minisig")
	for _, key := range []string{"open", "closed"} {
		if err := os.RemoveAll(signature); err != nil { // another key replaces no signature
			t.Fatal(err)
		}
		s.mustRun(t, 0, []string{"apply", "--var", "key=" + key})
		out := tool("", "minisign", "-V", "-m", "media.tar.pieces", "-p", key+".pub")
		if !strings.Contains(out, "Signature and comment signature verified") || !strings.Contains(out, "file:media.tar.pieces") {
			t.Errorf("%s: %s", key, out)
		}
		tool("", "sha256sum", "-c", "media.tar.pieces")
		s.mustRun(t, 0, []string{"apply", "--var", "key=" + key}, "0 changed, 2 unchanged, 0 failed")
	}
	if err := os.Remove(signature); err != nil {
		t.Fatal(err)
	}
	tool("", "minisign", "-S", "-s", "open.key", "-m", "media.tar.pieces")
	s.mustRun(t, 0, []string{"apply"}, "0 changed, 2 unchanged, 0 failed")
	if err := os.Remove(signature); err != nil {
		t.Fatal(err)
	}
	tool("word\n", "minisign", "-S", "-s", "closed.key", "-m", "media.tar.pieces")
	s.mustRun(t, 0, []string{"verify", "--only", "push", "--var", "key=closed"})
}
