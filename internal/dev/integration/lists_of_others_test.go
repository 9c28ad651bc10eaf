//go:build integration

package integration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// The lists name the source SOURCE and, if they name it, the destination TARGET.
const (
	regsyncList = `version: 1
creds:
  - { registry: "SOURCE", tls: disabled }
  - { registry: "TARGET", tls: disabled }
defaults: { parallel: 4 }
sync:
  - { source: "SOURCE/site/app:1.8.0", target: "TARGET/one/app:stable", type: image }
  - { source: SOURCE/site/app, target: TARGET/anchored/app, type: repository, tags: { allow: ['1\.8|3|v2.*'], deny: ['.*-alpine', edge] } }
  - source: SOURCE/site/app
    target: TARGET/ranges/app
    type: repository
    tagSets:
      - { semverRange: [">=1.8.0 <2.0.0", "~2.1"] }
      - { allow: [latest, "edge.*"] }
  - { source: SOURCE/site/app, target: TARGET/caret/app, type: repository, tags: { semverRange: ["^1.8"], deny: ['.*-alpine'] } }
  - { source: SOURCE/site/tool, target: TARGET/site/tool, type: repository }
  - { source: SOURCE, target: TARGET/all, type: registry, repos: { allow: ["site/[^/]+", "d.*", other] }, tags: { allow: ['\d+'] } }
`
	skopeoList = `"SOURCE":
  tls-verify: false
  images:
    site/tool: ["3", latest]
    other: []
  images-by-tag-regex:
    site/app: ^1\.(8|10)\.
    deep/name: alpine|edge
`
)

// TestListsOfOthers lets regsync, skopeo sync and bayplan mirror the images of one list.
// What comes to the destination is the same.
func TestListsOfOthers(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	m := newSetMaker(t, source, sizes{base: 1 << 10, service: 1 << 10, own: 1 << 10})
	tags := strings.Fields("latest edge edge2 1.7.9 1.8.0 1.8.1 1.8.1-alpine 1.9.0-rc1 1.10.0 1.10.0-alpine 1.10 2.0.0 v2.1.0 v2.1.5 2.2 3.0 3 33 dev-1.8")
	for n, repo := range []string{"site/app", "site/tool", "other", "deep/name"} {
		m.put(repo, m.manifest(docker, repo, 2*n), tags[:9]...)
		m.put(repo, m.manifest(docker, repo, 2*n+1), tags[9:]...)
	}
	host := func(r rawRegistry) string { return strings.TrimPrefix(r.url, "http://") }
	for name, tt := range map[string]struct {
		list     string
		original func(t *testing.T, file, target string)
		options  []string
	}{
		"regsync": {regsyncList, func(t *testing.T, file, _ string) {
			run(t, program(t, pinned.Regsync), "once", "-c", file)
		}, nil},
		"skopeo": {skopeoList, func(t *testing.T, file, target string) {
			run(t, "skopeo", "--insecure-policy", "sync", "--all", "--dest-tls-verify=false", "--src", "yaml", "--dest", "docker", file, target+"/mirror")
		}, []string{"--to", "TARGET/mirror"}},
	} {
		t.Run(name, func(t *testing.T) {
			theirs, ours := rawRegistry{url: startRegistry(t, t.TempDir())}, rawRegistry{url: startRegistry(t, t.TempDir())}
			with := func(text string, target rawRegistry) string {
				return strings.NewReplacer("SOURCE", host(source), "TARGET", host(target)).Replace(text)
			}
			s := &site{dir: t.TempDir()}
			s.write(t, "theirs.yml", with(tt.list, theirs))
			s.write(t, "ours.yml", with(tt.list, ours))
			tt.original(t, s.path("theirs.yml"), host(theirs))

			args := []string{"init", "--from", s.path("ours.yml")}
			for _, o := range tt.options {
				args = append(args, with(o, ours))
			}
			plan := run(t, "bayplan", args...)
			if name == "skopeo" { // it does not know of plain HTTP, as a note of init says
				plan = strings.ReplaceAll(plan, "tls: insecure", "tls: disabled")
				plan = strings.Replace(plan, "host: '"+host(ours)+"'\n", "host: '"+host(ours)+"'\n      tls: disabled\n", 1)
			}
			s.write(t, "bayplan.yaml", plan)
			s.mustRun(t, 0, []string{"apply"}, "0 failed")
			want := everything(t, theirs)
			if diff := cmp.Diff(want, everything(t, ours)); diff != "" || len(want) < 15 {
				t.Errorf("%d tags come to the destination (-%s +bayplan):\n%s\n%s", len(want), name, diff, plan)
			}
		})
	}
}

// everything returns the digests of all tags in a registry.
func everything(t *testing.T, r rawRegistry) map[string]string {
	t.Helper()
	digests := map[string]string{}
	for _, repo := range r.catalog(t) {
		for _, tag := range r.tags(t, repo) {
			digests[repo+":"+tag] = r.manifest(t, repo, tag)
		}
	}
	return digests
}
