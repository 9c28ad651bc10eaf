package main

import (
	"bytes"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
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
  - { registry: "Q.io:80", user: a, pass: b }
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
  - { source: q.io, target: r.io/p, type: registry, repos: { allow: ["a"], deny: ['\Qa'] } }
  - { source: q.io/a, target: r.io/b, type: repository, tags: { allow: ['\Qa', 'b|\Q1.2$'] } }
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
index.docker.io: { images: { d: [x] }, images-by-tag-regex: { e: '\Qa' }, credentials: { username: b, password: c }, tls-verify: false }
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

// checkMade checks the plan that init makes of a file, if it makes one: it has no mistakes
// and no warnings.
func checkMade(t *testing.T, text string, o convert.Options) (made bool) {
	t.Helper()
	result, err := convert.Convert([]byte(text), o)
	if err != nil {
		return false
	}
	file := filepath.Join(t.TempDir(), "made.yaml")
	if err := os.WriteFile(file, result.Plan, 0o600); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	if code := newProgram(io.Discard, &errs).run([]string{"bayplan", "validate", "-f", file}); code != exitcode.Done || errs.Len() > 0 {
		t.Errorf("validate of the plan of %s: exit %d\n%s\n%s\n%s", o.File, code, errs.String(), result.Plan, text)
	}
	return true
}

// Every plan that init writes is valid, whatever the file has.
func TestLargeInitWritesValidPlans(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		text := lists[name]
		for _, o := range []convert.Options{{File: name + ".yml"}, {File: "9 é", To: "localhost:5000/a"}, {File: "true", To: "r.example.com"}} {
			if name == "regsync" {
				o.To = ""
			}
			if o.Scoped = name == "skopeo" && o.To != ""; !checkMade(t, text, o) {
				t.Errorf("no plan is made of %s", name)
			}
		}
		lines := strings.SplitAfter(text, "\n")
		for i := range lines { // each line missing once
			checkMade(t, strings.Join(lines[:i], "")+strings.Join(lines[i+1:], ""), convert.Options{File: name})
		}
		made := 0
		for range 200 {
			if checkMade(t, damaged(r, text), convert.Options{File: name}) {
				made++
			}
		}
		if made < 20 {
			t.Errorf("of %s, damaged, only %d plans are made", name, made)
		}
	}
}

// damaged gives a text with some changed, removed and repeated characters.
func damaged(r *rand.Rand, text string) string {
	b := []byte(text)
	for range 1 + r.IntN(4) {
		at := r.IntN(len(b))
		switch r.IntN(4) {
		case 0:
			b[at] = byte(' ' + r.IntN('~'-' '))
		case 1:
			b[at] = "\n:-{}[]'\"$"[r.IntN(10)]
		case 2:
			b = slices.Delete(b, at, min(len(b), at+1+r.IntN(5)))
		default:
			from := r.IntN(len(text))
			b = slices.Insert(b, at, []byte(text[from:min(len(text), from+r.IntN(40))])...)
		}
	}
	return string(b)
}
