package registry

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
)

// pruning plans what goes from a destination, and gives the names of the tags.
func pruning(t *testing.T, c *Client, images []Image, rule PruneRule) (*Pruning, []string) {
	t.Helper()
	if rule.Host == "" {
		rule.Host = dstHost
	}
	p, err := c.PlanPrune(t.Context(), plan(t, c, images), rule)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, r := range p.Removals {
		names = append(names, strings.TrimPrefix(strings.TrimPrefix(r.Name, rule.Host)[1:], "ns/"))
	}
	return p, names
}

func tagsOf(t *testing.T, c *Client, repo string) []string {
	t.Helper()
	tags, err := c.Tags(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(tags)
	return tags
}

// onlyManifests has a registry refuse to delete tags, as docker-registry does.
func onlyManifests(status int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "DELETE" || strings.Contains(r.URL.Path, "/manifests/sha256:") {
			return false
		}
		w.WriteHeader(status)
		return true
	}
}

// What the list does not name goes, and nothing that what it names needs, also
// from registries that delete manifests only.
func TestPrune(t *testing.T) {
	for name, act := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"tags are deleted":      nil,
		"405 for tags":          onlyManifests(405),
		"400 for tags":          onlyManifests(400),
		"404 for tags":          onlyManifests(404),
		"501 for tags":          onlyManifests(501),
		"no catalog is there":   func(w http.ResponseWriter, r *http.Request) bool { return r.URL.Path == "/v2/_catalog" && closed(w) },
		"no referrers are told": noReferrers,
	} {
		t.Run(name, func(t *testing.T) {
			src, dst, c := pair(t)
			index, by := multi(t, dst, "ns/app", "multi") // one0 to one3 and att are tags of its parts
			src.image(t, "ns/app", "1.0", nil, random(1, 10))
			old := dst.image(t, "ns/app", "0.9", nil, random(2, 10))
			dst.image(t, "ns/app", cosign(old, ".sig"), nil, random(3, 10))
			dst.image(t, "ns/app", cosign(index, ".sig"), nil, random(4, 10))
			dst.image(t, "ns/app", cosign(by["linux/amd64"], ".att"), nil, random(5, 10))
			sbom := dst.referrer(t, "ns/app", index, "application/spdx+json", random(6, 10))
			dst.push(t, "PUT", "/v2/ns/app/manifests/bill", ociManifest, dst.raw(t, "ns/app", sbom))
			dst.push(t, "PUT", "/v2/ns/app/manifests/same", ociType, dst.raw(t, "ns/app", index))
			dst.image(t, "ns/other", "1", nil, random(7, 10))
			list := []Image{{Source: dstHost + "/ns/app:multi", Target: dstHost + "/ns/app:multi"}, {Source: srcHost + "/ns/app:1.0", Target: dstHost + "/ns/app:1.0"}}
			dst.act(act)
			wanted := []string{"app:0.9", "app:att", "app:one0", "app:one1", "app:one2", "app:one3", "app:same", "app:" + cosign(old, ".sig")}
			if _, names := pruning(t, c, list, PruneRule{}); !slices.Equal(names, wanted) {
				t.Errorf("before the copies: %v", names)
			}
			execute(t, c, list)
			p, names := pruning(t, c, list, PruneRule{})
			if diff := cmp.Diff(wanted, names); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			var gone []string
			if err := c.Prune(t.Context(), p, func(r *Removal) { gone = append(gone, r.Tag) }); err != nil || len(gone) != len(wanted) {
				t.Fatalf("%v, gone are %v", err, gone)
			}
			stay := []string{"1.0", "bill", "multi", cosign(index, ".sig"), cosign(by["linux/amd64"], ".att")}
			slices.Sort(stay)
			if diff := cmp.Diff(stay, tagsOf(t, c, dstHost+"/ns/app")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, d := range append([]string{index, sbom}, by["linux/amd64"], by["linux/arm/v7"]) {
				if _, err := c.Resolve(t.Context(), dstHost+"/ns/app@"+d); err != nil {
					t.Error(err)
				}
			}
			if got := tagsOf(t, c, dstHost+"/ns/other"); len(got) != 1 {
				t.Errorf("another repository has %v", got)
			}
			dst.reset()
			if again, names := pruning(t, c, list, PruneRule{}); !again.Empty() {
				t.Errorf("the second time: %v", names)
			}
		})
	}
}

func closed(w http.ResponseWriter) bool {
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

// raw gives a manifest's bytes.
func (l *lab) raw(t *testing.T, repo, sum string) []byte {
	t.Helper()
	w := &plainWriter{header: http.Header{}}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://lab/v2/"+repo+"/manifests/"+sum, nil)
	l.Handler.ServeHTTP(w, r)
	return w.body.Bytes()
}

func TestPruneRule(t *testing.T) {
	_, dst, c := pair(t)
	for _, repo := range []string{"ns/app", "ns/before", "ns/other", "else/where"} {
		for i, tag := range []string{"1.9", "1.10", "1.11", "latest"} {
			dst.image(t, repo, tag, nil, random(i, 10))
		}
	}
	list := []Image{{Source: dstHost + "/ns/app:1.9", Target: dstHost + "/ns/app:1.9"}}
	all := func(repo string, tags ...string) []string {
		for i := range tags {
			tags[i] = repo + ":" + tags[i]
		}
		slices.Sort(tags)
		return tags
	}
	for name, tt := range map[string]struct {
		rule PruneRule
		want []string
	}{
		"the list's":   {PruneRule{}, all("app", "1.10", "1.11", "latest")},
		"keep one":     {PruneRule{Keep: 1}, all("app", "1.10", "latest")},
		"keep two":     {PruneRule{Keep: 2}, all("app", "latest")},
		"keep many":    {PruneRule{Keep: 9}, []string{}},
		"a name":       {PruneRule{Keep: 3, Repositories: []string{"ns/other"}}, all("other", "latest")},
		"a pattern":    {PruneRule{Keep: 3, Repositories: []string{"ns/o*"}}, all("other", "latest")},
		"no such name": {PruneRule{Keep: 3, Repositories: []string{"ns/none", "*"}}, []string{}},
		"before": {
			PruneRule{Keep: 3, Before: []string{dstHost + "/ns/before:1.9@sha256:" + strings.Repeat("a", 64), srcHost + "/ns/other:1", "oci:/x:ns/other:1", "nonsense"}},
			all("before", "latest"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := pruning(t, c, list, tt.rule)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Long lists of tags are read to their end, and one that has none is refused.
func TestPrunePages(t *testing.T) {
	_, dst, c := pair(t)
	dst.image(t, "ns/app", "1", nil, random(1, 10))
	list := []Image{{Source: dstHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}
	next := "b"
	dst.act(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		tags := `"1"`
		if last := r.URL.Query().Get("last"); last == "b" {
			tags = `"c"`
		} else {
			w.Header().Set("Link", fmt.Sprintf(`</v2/ns/app/tags/list?last=%s&n=1>; rel="next"`, next))
		}
		fmt.Fprintf(w, `{"name":"ns/app","tags":[%s]}`, tags)
		return true
	})
	if _, names := pruning(t, c, list, PruneRule{}); !slices.Equal(names, []string{"app:c"}) {
		t.Errorf("got %v", names)
	}
	next = "a"
	_, err := c.PlanPrune(t.Context(), plan(t, c, list), PruneRule{Host: dstHost})
	if err == nil || !strings.Contains(err.Error(), "a list without an end") || !strings.Contains(err.Error(), "destination: listing tags: ") {
		t.Errorf("got %v", err)
	}
}

// In doubt nothing goes.
func TestPruneFails(t *testing.T) {
	tests := map[string]struct {
		act        func(http.ResponseWriter, *http.Request) bool
		rule       PruneRule
		want, hint string
		plan       bool // it fails before anything is removed
	}{
		"what stays cannot be read": {act: refuse("GET", "/v2/ns/app/manifests/1", 403), want: "destination: ", plan: true},
		"what goes cannot be read":  {act: refuse("GET", "/v2/ns/app/manifests/0", 403), want: "destination: ", plan: true},
		"tags cannot be listed":     {act: refuse("GET", "/v2/ns/app/tags/list", 403), want: "listing tags: ", plan: true},
		"a pattern with no catalog": {act: refuse("GET", "/v2/_catalog", 403), rule: PruneRule{Repositories: []string{"ns/*"}}, want: "reading the catalog", hint: "name the repositories in full", plan: true},
		"a bad name":                {rule: PruneRule{Repositories: []string{"Not A Name"}}, want: "Not A Name", plan: true},
		"nothing is deleted": {act: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == "DELETE" {
				w.WriteHeader(405)
			}
			return r.Method == "DELETE"
		}, want: "ns/app:0: the registry does not allow deletion: ", hint: "REGISTRY_STORAGE_DELETE_ENABLED=true"},
		"no right to delete": {act: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == "DELETE" {
				w.WriteHeader(403)
			}
			return r.Method == "DELETE"
		}, want: "ns/app:0"},
		"a server in trouble": {act: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == "DELETE" {
				w.WriteHeader(503)
			}
			return r.Method == "DELETE"
		}, want: "answers 503"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, dst, c := pair(t)
			want := dst.image(t, "ns/app", "1", nil, random(1, 10))
			dst.image(t, "ns/app", "0", nil, random(2, 10))
			dst.push(t, "PUT", "/v2/ns/app/manifests/same", schema2, dst.raw(t, "ns/app", want))
			table := plan(t, c, []Image{{Source: dstHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}})
			dst.act(tt.act)
			tt.rule.Host = dstHost
			p, err := c.PlanPrune(t.Context(), table, tt.rule)
			if (err != nil) != tt.plan {
				t.Fatalf("planning: %v", err)
			}
			if err == nil {
				err = c.Prune(t.Context(), p, func(r *Removal) { t.Errorf("%s is gone", r.Name) })
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(fault.Hint(err), tt.hint) {
				t.Errorf("got %v (%s), want %q (%s)", err, fault.Hint(err), tt.want, tt.hint)
			}
			dst.act(nil)
			if got := tagsOf(t, c, dstHost+"/ns/app"); len(got) != 3 {
				t.Errorf("there is %v", got)
			}
			if d, err := c.Resolve(t.Context(), dstHost+"/ns/app:same"); err != nil || d.Digest != want {
				t.Errorf("the tag that stands for what stays: %v, %v", d, err)
			}
		})
	}
}

// What others push between the look and the deletion stays: a tag that has moved on, and
// a new tag of a manifest that was to go.
func TestPruneBesideAPush(t *testing.T) {
	for name, act := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"tags are deleted":      nil,
		"manifests are deleted": onlyManifests(405),
	} {
		t.Run(name, func(t *testing.T) {
			_, dst, c := pair(t)
			dst.image(t, "ns/app", "1", nil, random(1, 10))
			dst.image(t, "ns/app", "moves", nil, random(2, 10))
			held := dst.image(t, "ns/app", "shared", nil, random(3, 10))
			dst.image(t, "ns/app", "gone", nil, random(4, 10))
			dst.image(t, "ns/app", "old", nil, random(5, 10))
			p, names := pruning(t, c, []Image{{Source: dstHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}, PruneRule{})
			if len(names) != 4 {
				t.Fatalf("to remove: %v", names)
			}
			now := dst.image(t, "ns/app", "moves", map[string]string{"x": "y"}, random(6, 10))
			dst.push(t, "PUT", "/v2/ns/app/manifests/new", schema2, dst.raw(t, "ns/app", held))
			r, _ := http.NewRequestWithContext(t.Context(), "DELETE", "http://lab/v2/ns/app/manifests/gone", nil)
			dst.Handler.ServeHTTP(&plainWriter{header: http.Header{}}, r)
			dst.act(act)
			err := c.Prune(t.Context(), p, func(*Removal) {})
			if err == nil || !strings.Contains(err.Error(), "ns/app:moves: it stands for another image now, "+now) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
			if got := tagsOf(t, c, dstHost+"/ns/app"); !slices.Equal(got, []string{"1", "moves", "new"}) {
				t.Errorf("there is %v", got)
			}
			for tag, want := range map[string]string{"moves": now, "new": held} {
				if d, err := c.Resolve(t.Context(), dstHost+"/ns/app:"+tag); err != nil || d.Digest != want {
					t.Errorf("%s: %v, %v", tag, d, err)
				}
			}
		})
	}
}

// A release is not removed to keep its pre-release, whatever form the two have.
func TestPruneKeepsReleases(t *testing.T) {
	for name, tt := range map[string]struct {
		tags   string
		keep   int
		leaves string
	}{
		"Python":            {"1.0.0 1.0.0b2 0.9.0", 1, "0.9.0 1.0.0b2"},
		"zeros":             {"18.0.0 18.0.0.0rc1 18.0.0.0b2", 1, "18.0.0.0b2 18.0.0.0rc1"},
		"Maven":             {"5.0.0 5.0.0-M3 5.0.0.Beta2 4.1", 2, "4.1 5.0.0.Beta2"},
		"Debian":            {"2.0 2.0_pre1 2.0-1 1.9", 2, "1.9 2.0_pre1"},
		"an older one":      {"2.0-rc1 1.0 1.0-rc1", 2, "1.0-rc1"},
		"days and versions": {"3.19 20240606 20240315 latest", 2, "20240315 latest"},
		"commit ids":        {"1a2b3c4d 9f8e7d6c 1.0", 1, "1a2b3c4d 9f8e7d6c"},
	} {
		t.Run(name, func(t *testing.T) {
			_, dst, c := pair(t)
			dst.image(t, "ns/app", "listed", nil, random(1, 10))
			for i, tag := range strings.Fields(tt.tags) {
				dst.image(t, "ns/app", tag, nil, random(i+2, 10))
			}
			list := []Image{{Source: dstHost + "/ns/app:listed", Target: dstHost + "/ns/app:listed"}}
			_, names := pruning(t, c, list, PruneRule{Keep: tt.keep})
			want := []string{}
			for tag := range strings.FieldsSeq(tt.leaves) {
				want = append(want, "app:"+tag)
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
