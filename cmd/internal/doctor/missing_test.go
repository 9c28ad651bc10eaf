package doctor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each thing that is not there has a line of its own with what to do, and nothing of it
// keeps the others from being told.
func TestMissing(t *testing.T) {
	b := newBench(t)
	src := serve(t, sourceRegistry(t))
	b.write(t, "bad.pem", "no certificate\n")
	b.write(t, "lists.txt", "")
	report, err := Examine(t.Context(), b.open(t, fmt.Sprintf(`secrets: { unset: { env: BAYPLAN_TEST_UNSET }, gone: { file: gone.secret } }
connections:
  registries:
    from: { host: %q, tls: disabled }
    ca: { host: ca.invalid, ca: corp-ca.pem }
    text: { host: text.invalid, ca: bad.pem }
    cert: { host: cert.invalid, cert: client.pem, key: client.key }
    login: { host: "127.0.0.1:1", tls: disabled, user: u, password: "${secrets.unset}" }
  hosts:
    web: { host: web.invalid, ca: corp-ca.pem, token: "${secrets.gone}" }
steps:
  dirs: { type: mkdir, with: { paths: [made/deep] } }
  ca: { type: mirror, with: { images: [%q], to: ca } }
  text: { type: mirror, with: { images: [%q], to: text } }
  cert: { type: mirror, with: { images: list.txt, to: cert } }
  login: { type: verify-registry, with: { registry: login } }
  get: { type: fetch, with: { url: "https://web.invalid/a", to: nowhere/a, checksums: "https://web.invalid/SUMS" } }
  unpack: { type: untar, with: { archive: full.tar, into: images/full } }
  parameters: { type: prepare, needs: [dirs], with: { release: train, environments: [env.yaml, made/env.yaml], roles_file: roles.yaml, env_file: nodir/a.yaml, images_file: made/deep/list.yaml } }
  boot: { type: verify-http-boot, with: { dir: httpboot, files: [made/kernel] } }
`, src, src+"/src/a:1", src+"/src/a:1")))
	if err != nil {
		t.Fatal(err)
	}
	const no = ": no such file or directory"
	for _, tt := range []struct{ subject, check, want string }{
		{"registry ca", "tls", `fail: reading the authorities for host "ca.invalid": open DIR/corp-ca.pem` + no + "; put the file there, or correct ca, cert and key of the connection"},
		{"registry text", "tls", `fail: the authorities for host "text.invalid": no certificate in DIR/bad.pem; ca names a PEM file of the authority's certificate, which has lines of BEGIN CERTIFICATE`},
		{"registry cert", "tls", `fail: the client certificate for host "cert.invalid": open DIR/client.pem` + no + "; put the file there, or correct ca, cert and key of the connection"},
		{"host web", "tls", `fail: reading the authorities for host "web.invalid": open DIR/corp-ca.pem` + no + "; put the file there, or correct ca, cert and key of the connection"},
	} {
		if got := b.lines(report, tt.subject, tt.check); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: got %q, want %s", tt.subject, got, tt.want)
		}
	}
	has(t, b.lines(report, "registry login", "secret"), "fail: ", "BAYPLAN_TEST_UNSET")
	has(t, b.lines(report, "registry login", "port"), "fail: ", "nothing listens on 127.0.0.1:1")
	has(t, b.lines(report, "host web", "secret"), "fail: ", "DIR/gone.secret")
	has(t, b.lines(report, "registry from", "read"), "ok: "+src+"/src/a:1")
	const put = "; put it there, or correct the path: no step makes it"
	wantReads := []string{
		"fail: DIR/list.txt, which step cert reads, is not there" + put + "; did you mean DIR/lists.txt?",
		"fail: DIR/full.tar, which step unpack reads, is not there" + put,
		"fail: DIR/env.yaml, which step parameters reads, is not there" + put,
		"fail: DIR/made/env.yaml, which step parameters reads, is not there" + put,
		"fail: DIR/roles.yaml, which step parameters reads, is not there" + put,
		"fail: DIR/made/kernel, which step boot reads, is not there" + put,
	}
	if diff := cmp.Diff(wantReads, b.lines(report, "disks", "read")); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	const make = " is not there; make it, or correct the path: no step makes it"
	wantDirs := []string{
		"fail: the directory DIR/nowhere, for to of step get," + make,
		"fail: the directory DIR/images, for into of step unpack," + make,
		"fail: the directory DIR/nodir, for env_file of step parameters," + make,
		"fail: the directory DIR/httpboot, for dir of step boot," + make,
	}
	if diff := cmp.Diff(wantDirs, b.lines(report, "disks", "directory")); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
}

// A layout that a list names is told, too.
func TestMissingLayout(t *testing.T) {
	b := newBench(t)
	b.write(t, "list.txt", "oci:media:app:1\noci:there:app:1\n")
	b.write(t, "there", "")
	got := b.examine(t, `connections: { registries: { site: { host: "site.example", embedded: {} } } }
steps: { copy: { type: mirror, with: { images: list.txt, to: site } } }
`, "disks", "read")
	want := []string{"fail: DIR/media, which step copy reads, is not there; put it there, or correct the path: no step makes it", "ok: 2 files of the plan can be read; "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An archive in pieces is there when all its pieces and its table are.
func TestMissingPieces(t *testing.T) {
	b := newBench(t)
	sum := strings.Repeat("a", 64)
	for name, text := range map[string]string{
		"whole.tar.001": "xx", "whole.tar.002": "x", "whole.tar.pieces": sum + "  whole.tar.001\n" + sum + "  whole.tar.002\n",
		"part.tar.001": "xx", "part.tar.pieces": sum + "  part.tar.001\n" + sum + "  part.tar.002\n",
	} {
		b.write(t, name, text)
	}
	got := b.examine(t, `connections: { registries: { site: { host: "site.example", embedded: {} } } }
steps: { copy: { type: mirror, with: { images: [{ layout: whole.tar }, { layout: part.tar }], to: site } } }
`, "disks", "read")
	want := []string{"fail: step copy: the piece DIR/part.tar.002 is missing; copy all pieces, and the table of pieces beside them", "ok: 1 file of the plan can be read; "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
