package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/convert"
)

// lists are files that init makes plans of: ordinary ones, and such with names, tags and
// texts that a plan does not take as they are.
var lists = map[string]string{
	"regsync": `
creds:
  - { registry: docker.io, user: a, pass: b }
  - { registry: q.io, token: t, tls: disabled, reqConcurrent: 900, reqPerSec: 0.1 }
  - { registry: "q.io:80", user: '{{env "X"}}', pass: '{{file "/a ''b\"c"}}' }
  - { registry: 1.2.3.4, regcert: '{{file "/x: y#z"}}', clientCert: '{{file "/c"}}', user: "${x}", pass: y }
sync:
  - { source: "alpine:010", target: "1.2.3.4/a:1.10", type: image }
  - { source: "q.io/a/b@sha256:` + strings.Repeat("1", 64) + `", target: "r.io/x:y", type: image }
  - { source: "q.io/a/b:1@sha256:` + strings.Repeat("1", 64) + `", target: "r.io/x:z", type: image }
  - { source: "Q.IO./a:1", target: "R.io:443/a:1", type: image, platform: linux/arm/v7 }
  - { source: "q.io/a:1", target: "localhost/a", type: image }
  - { source: "q.io/a:true", target: "localhost:5000/null:yes", type: image }
  - { source: q.io/a, target: r.io/b, type: repository, tags: { allow: ["${x}", "it's", "\u00e9", "a\tb", "*", "", "[", "$${", "a#b", ": "], deny: [] } }
  - { source: q.io/a, target: r.io/b, type: repository, tags: { allow: ["\\$\\{x}", "it's", "a: b", "\\x07", "- a", "é"] } }
  - { source: q.io/a, target: r.io/b, type: repository, tags: { semverRange: [">=1.0 <2", "^0.0.3", "~1", "1.2.3+x", ">=2024.01.31"] } }
  - { source: q.io/a, target: r.io/b, type: repository, tags: { semverRange: [">=1.0-a.b-c"], allow: ['v.*'] } }
  - { source: q.io, target: r.io, type: registry }
  - { source: q.io, target: r.io/p/q, type: registry }
  - { source: q.io, target: r.io/p, type: registry, repos: { allow: ["a/[^/]+", "b-.*", 'c\.d', "e.f", "x|y"], deny: ["z"] } }
  - { source: q.io, target: r.io/p, type: registry, repos: { allow: ["a/[^/]+", "b-.*", 'c\.d'] } }
  - { source: q.io/A, target: r.io/b, type: repository }
  - { source: q.io/a, target: r.io/B, type: repository }
  - { source: q.io/a, target: "r.io/b:1", type: repository }
  - { source: q.io/a, target: "{{ .Sync.Nothing }}", type: repository }
  - { source: q.io/a, target: "r.io/{{ .Sync.Source }}", type: repository }
  - { source: q.io/x/a, target: r.io/a, type: repository }
  - { source: q.io/x/a-b, target: r.io/y/a-b, type: repository }
  - { source: q.io/x/a, target: r.io/x/a, type: repository, platforms: [linux/amd64, nonsense] }
  - { source: "q.io/x/a:1", target: "r.io/x/a:2", type: image }
  - { source: "q.io/x/a:10", target: "r.io/x/a:10", type: image }
`,
	"skopeo": `
docker.io:
  credentials: { username: "a: b", password: "#" }
  tls-verify: false
  cert-dir: "/x y/${z}"
  images: { busybox: [1.0, 010, "sha256:` + strings.Repeat("a", 64) + `", "a b"], a/b: [], "c:1": [], x/busybox: ["1.0"], null-: [null] }
  images-by-tag-regex: { nginx: '^1\.13\.[12]$', redis: "(", a/b: "a|b", c: "", d: "^$" }
  images-by-semver: { alpine: ">= 3.12.0", nginx: "!= 1.2.x || 4 - 5.6", redis: ">=1.0-0 || <2", x: "*", y: ">" }
"[::1]:5000": { images: { a: [x] } }
nohost: { images: { a: [x], b/c: [y] } }
"bad host": { images: { a: [x] } }
`,
	"imageset": `
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
archiveSize: 4
mirror:
  platform: { channels: [{ name: stable-4.16 }] }
  additionalImages:
    - name: registry.redhat.io/ubi8/ubi:latest
    - { name: "quay.io/a/b@sha256:` + strings.Repeat("b", 64) + `" }
    - { name: quay.io/a/c, targetRepo: d/e, targetTag: v1 }
    - { name: "oci:///x", targetTag: "a b" }
    - { name: "docker://quay.io/a/f:1", platforms: [{ os: linux, architecture: arm64 }] }
    - { name: quay.io/a/g:1, targetRepo: "X:1" }
  blockedImages: [{ name: "ubi7" }, { name: "(" }]
`,
}

// checkMade checks a plan of init: a plan without mistakes and warnings.
func checkMade(t *testing.T, dir, name, text string, o convert.Options) {
	t.Helper()
	o.File = name
	made, err := convert.Convert([]byte(text), o)
	if err != nil {
		return
	}
	file := filepath.Join(dir, "made.yaml")
	if err := os.WriteFile(file, made.Plan, 0o600); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	if code := newProgram(io.Discard, &errs).run([]string{"bayplan", "validate", "-f", file}); code != exitDone || errs.Len() > 0 {
		t.Errorf("validate of the plan of %s: exit %d\n%s\n%s", name, code, errs.String(), made.Plan)
	}
}

// FuzzInit makes plans of all kinds of files. Every plan that init writes is valid.
func FuzzInit(f *testing.F) {
	for name, text := range lists {
		f.Add(name+".yml", text, "", false)
		f.Add("9 "+name, text, "localhost:5000/a", true)
		lines := strings.SplitAfter(text, "\n")
		for i := range lines { // each line missing once
			f.Add("é", strings.Join(lines[:i], "")+strings.Join(lines[i+1:], ""), "r.example.com", i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, name, text, to string, scoped bool) {
		checkMade(t, t.TempDir(), name, text, convert.Options{To: to, Scoped: scoped})
	})
}
