package tagdiscover

import (
	"cmp"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func newTagDiscover(b *testbed.Registries, name, template string) *tagDiscover {
	return &tagDiscover{Image: testbed.UpstreamHost + "/rhosp13/openstack-" + name, TagFromLabel: template, out: b.Set}
}

func TestTagDiscoverLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(nil), OnlyLooks: true, Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		return &steptest.Fixture{
			New:      func() runner.Step { return newTagDiscover(b, "base", "{version}-{release}") },
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return b.Snapshot(t) },
			Close:    b.CloseLocal,
			Secrets:  []string{testbed.RegistryPassword},
			Break: []steptest.Break{
				{Name: "the tag goes away", Do: func(t *testing.T) {
					b.Before["upstream"] = testbed.RefuseReads("/manifests/13.0-40", http.StatusNotFound)
				}},
				{Name: "the registry goes away", Do: func(t *testing.T) {
					b.Before["upstream"] = testbed.RefuseAll("GET", "", http.StatusForbidden)
				}},
			},
		}
	}})
}

func TestTagDiscover(t *testing.T) {
	b := testbed.NewRegistries(t)
	for template, want := range map[string]string{"{version}-{release}": "13.0-40", "{version}-{release:>2}": "13.0-40"} {
		for _, image := range []string{"base", "base:latest", "base:13.0-40"} {
			s := newTagDiscover(b, image, template)
			f, err := s.Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			d, err := b.Registry().Resolve(t.Context(), testbed.UpstreamHost+"/rhosp13/openstack-base:"+want)
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(f.Outputs["tag"], " ", f.Outputs["digest"], " ", f.Outputs["image"], " ", f.Change == nil)
			wanted := fmt.Sprint(want, " ", d.Digest, " ", testbed.UpstreamHost, "/rhosp13/openstack-base:", want, " true")
			if diff := gocmp.Diff(wanted, got); diff != "" {
				t.Errorf("%s with %s (-want +got):\n%s", image, template, diff)
			}
		}
	}
}

func TestTagDiscoverFollowsTheLabels(t *testing.T) {
	b := testbed.NewRegistries(t)
	s := newTagDiscover(b, "base", "{version}-{release}")
	before, err := s.Inputs(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	b.Upstream = testbed.OpenRegistry(t, registryserver.Config{Images: []registryserver.Image{
		{Repository: "rhosp13/openstack-base", Tags: []string{"latest", "13.0-41"}, Labels: map[string]string{"version": "13.0", "release": "41"}},
	}})
	// Within one run a tag does not change.
	if f, err := s.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Outputs["tag"].String() != "13.0-40" {
		t.Errorf("in the same run: %v, %v", f, err)
	}
	out, err := s.Verify(t.Context(), &runner.Disk{})
	if err != nil || out["tag"].String() != "13.0-41" {
		t.Errorf("when verified: %v, %v", out, err)
	}
	after, err := newTagDiscover(b, "base", "{version}-{release}").Inputs(t.Context(), &runner.Disk{})
	if err != nil || gocmp.Equal(before, after) {
		t.Errorf("the inputs do not tell: %v, %v, %v", before, after, err)
	}
}

func TestTagDiscoverErrors(t *testing.T) {
	tests := map[string]struct {
		image, template string
		want, hint      string
	}{
		"a missing label":      {"base", "{version}-{build}", `image registry.access.redhat.com/rhosp13/openstack-base:latest: no label "build"; the labels are empty, release, strange, version`, "labels that the image has"},
		"no labels":            {"bare", "version", "there are no labels at all", "labels"},
		"a tag that is not":    {"ahead", "{version}-{release}", `the labels of registry.access.redhat.com/rhosp13/openstack-ahead:latest say "14.0-1", but there is no tag registry.access.redhat.com/rhosp13/openstack-ahead:14.0-1`, "the tags are 13.0-39, 13.0-40, latest"},
		"an image that is not": {"nope", "version", "registry.access.redhat.com/rhosp13/openstack-nope:latest: not found", ""},
		"a starting tag":       {"base:9", "version", "openstack-base:9: not found", ""},
		"an empty label":       {"base", "empty", `say "", which is not a valid tag`, ""},
		"a label with a blank": {"base", "strange", `say "a b", which is not a valid tag`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			_, err := newTagDiscover(b, tt.image, tt.template).Diff(t.Context(), &runner.Disk{}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if got := fault.Hint(err); !strings.Contains(got, tt.hint) {
				t.Errorf("hint %q, want %q", got, tt.hint)
			}
		})
	}
}

func TestTagDiscoverValidate(t *testing.T) {
	tests := map[string]struct{ image, template, want string }{
		"good":          {"a.example/b", "{version}", ""},
		"not known yet": {"", "", ""},
		"no registry":   {"rhosp13/openstack-base", "x", "image"},
		"a bad one":     {"a.example/B:1", "x", "upper-case letters"},
		"braces":        {"a.example/b", "{version", "tag_from_label"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := (&tagDiscover{Image: tt.image, TagFromLabel: tt.template}).Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(fmt.Sprintf("%+v", err), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTagDiscoverFallsBackWhereAsked(t *testing.T) {
	b := testbed.NewRegistries(t)
	s := newTagDiscover(b, "ahead", "{version}-{build}")
	s.FallbackTag = "13.0-39"
	f, err := s.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Outputs["tag"].String() != "13.0-39" {
		t.Errorf("got %+v, %v", f, err)
	}
	s = newTagDiscover(b, "ahead", "{version}-{build}")
	s.FallbackTag = "0"
	if _, err := s.Diff(t.Context(), &runner.Disk{}, nil); err == nil || !strings.Contains(err.Error(), "the fallback_tag "+testbed.UpstreamHost+"/rhosp13/openstack-ahead:0 does not exist") {
		t.Errorf("a fallback that is not there: %v", err)
	}
	// An existing label decides, whatever the fallback is.
	s = newTagDiscover(b, "base", "{version}-{release}")
	s.FallbackTag = "latest"
	if f, err := s.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Outputs["tag"].String() != "13.0-40" {
		t.Errorf("got %+v, %v", f, err)
	}
}

// The newest tag is found by version, on all pages of a long list.
func TestTagDiscoverNewest(t *testing.T) {
	b := testbed.NewRegistries(t)
	const pages, each = 50, 100
	asked := 0
	b.Before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/rhosp13/openstack-ahead/tags/list") {
			return false
		}
		page := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("last"), &page)
		asked++
		tags := []string{}
		for i := range each {
			tags = append(tags, fmt.Sprintf("%q", fmt.Sprint("12.0-", page*each+i)))
		}
		if page == 7 {
			tags = append(tags, `"13.0-39"`, `"13.0-40"`, `"latest"`, `"13.0-9"`)
		}
		if page < pages-1 {
			w.Header().Set("Link", fmt.Sprintf(`</v2/rhosp13/openstack-ahead/tags/list?last=%d&n=%d>; rel="next"`, page+1, each))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name":"rhosp13/openstack-ahead","tags":[%s]}`, strings.Join(tags, ","))
		return true
	}
	for pattern, want := range map[string]string{`13\.0-.*`: "13.0-40", `13\.0-\d`: "", `.*`: "13.0-40", `13.0-3.`: "13.0-39"} {
		s := &tagDiscover{Image: testbed.UpstreamHost + "/rhosp13/openstack-ahead", Newest: pattern, out: b.Set}
		if want == "" {
			s.Newest = `14\..*`
			if _, err := s.Diff(t.Context(), &runner.Disk{}, nil); err == nil || !strings.Contains(err.Error(), "none of the 5004 tags of") {
				t.Errorf("no tag matches: %v", err)
			}
			continue
		}
		asked = 0
		f, err := s.Diff(t.Context(), &runner.Disk{}, nil)
		if err != nil || f.Outputs["tag"].String() != want {
			t.Errorf("%s: %+v, %v", pattern, f, err)
		}
		if asked != pages {
			t.Errorf("%s: asked for %d pages, there are %d", pattern, asked, pages)
		}
	}
	if _, err := (&tagDiscover{Image: testbed.UpstreamHost + "/rhosp13/openstack-base", out: b.Set}).Diff(t.Context(), &runner.Disk{}, nil); err == nil {
		t.Error("neither labels nor newest: no error")
	}
}

func TestTagDiscoverChoosesOneWay(t *testing.T) {
	for want, s := range map[string]*tagDiscover{
		"in place of tag_from_label": {Image: "a.example/b", TagFromLabel: "x", Newest: ".*"},
		"newest reads none":          {Image: "a.example/b", FallbackTag: "x", Newest: ".*"},
		"missing closing ): `(`":     {Image: "a.example/b", Newest: "("},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// A release is newer than its pre-releases, and what has no order is not chosen.
func TestTagDiscoverNewestOf(t *testing.T) {
	b := testbed.NewRegistries(t)
	for _, tt := range []struct{ tags, newest, want, refused string }{
		{tags: "18.0.0 18.0.0.0rc1 18.0.0.0b2", want: "18.0.0"},
		{tags: "5.0.0-M3 5.0.0 5.0.0-RC1 4.9", want: "5.0.0"},
		{tags: "13.0 13.0-43 13.0-9 12f3a4b5", want: "13.0-43"},
		{tags: "20240606 3.20 3.19 3.21_rc1", want: "3.21_rc1"},
		{tags: "3.19 3.20 20240606 edge", newest: `\d{8}`, want: "20240606"},
		{tags: "3.12-slim 3.12 3.13.0rc1-slim 3.11-slim", newest: `.*-slim`, want: "3.13.0rc1-slim"},
		{tags: "release-1.9 release-1.10 main", newest: `release-.*`, want: "release-1.10"},
		{tags: "1a2b3c4 latest edge", refused: "none of the 3 tags of " + testbed.UpstreamHost + "/rhosp13/openstack-ahead that .* matches names a version"},
	} {
		b.Before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/rhosp13/openstack-ahead/tags/list") {
				w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("a", 64))
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				return true
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"name":"rhosp13/openstack-ahead","tags":["%s"]}`, strings.ReplaceAll(tt.tags, " ", `","`))
			return true
		}
		s := &tagDiscover{Image: testbed.UpstreamHost + "/rhosp13/openstack-ahead", Newest: cmp.Or(tt.newest, ".*"), out: b.Set}
		f, err := s.Diff(t.Context(), &runner.Disk{}, nil)
		if tt.refused != "" {
			if err == nil || err.Error() != tt.refused || fault.Hint(err) == "" {
				t.Errorf("%s: %v", tt.tags, err)
			}
			continue
		}
		if err != nil || f.Outputs["tag"].String() != tt.want {
			t.Errorf("%s: %+v, %v", tt.tags, f, err)
		}
	}
}

// What newest chose is locked: newer tags are reported where that is asked for, and are
// not listed otherwise.
func TestTagDiscoverNewestIsLocked(t *testing.T) {
	b := testbed.NewRegistries(t)
	path := filepath.Join(t.TempDir(), "lock.yaml")
	listed, tags := 0, `"13.0-39","13.0-40"`
	b.Before["upstream"] = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		listed++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name":"x","tags":[%s]}`, tags)
		return true
	}
	const image = testbed.UpstreamHost + "/rhosp13/openstack-ahead"
	for _, tt := range []struct {
		name, newest, tags string
		strict             bool
		update             string
		want, note, err    string
		listed             int
	}{
		{name: "first", newest: `13.*`, tags: `"13.0-39"`, want: "13.0-39", listed: 1},
		{name: "again", newest: `13.*`, tags: `"13.0-39","13.0-40"`, want: "13.0-39", note: "newest 13.* of " + image + " would choose 13.0-40 now; the lock file keeps 13.0-39", listed: 1},
		{name: "no such tag any more", newest: `13.*`, tags: `"latest"`, want: "13.0-39", note: "whether another tag of " + image + " would be chosen now could not be asked: 13.* matches none of the 1 tag of " + image, listed: 1},
		{name: "locked", newest: `13.*`, tags: `"13.0-39","13.0-40"`, strict: true, want: "13.0-39"},
		{name: "another rule, locked", newest: `1.*`, tags: `"13.0-40"`, strict: true, err: "newest 1.* of " + image + " is not in the lock file"},
		{name: "another rule", newest: `1.*`, tags: `"13.0-40"`, want: "13.0-40", listed: 1},
		{name: "updated", newest: `13.*`, tags: `"13.0-39","13.0-40"`, update: "*/openstack-ahead", want: "13.0-40", listed: 1},
	} {
		lock, err := connections.ReadTagLock(path)
		if err != nil {
			t.Fatal(err)
		}
		if lock.Strict, lock.ReportMoved = tt.strict, tt.update == ""; tt.update != "" {
			lock.Forget(tt.update)
		}
		b.Set.UseTagLock(lock)
		listed, tags = 0, tt.tags
		f, err := (&tagDiscover{Image: image, Newest: tt.newest, out: b.Set}).Diff(t.Context(), &runner.Disk{}, nil)
		switch {
		case tt.err != "":
			if err == nil || err.Error() != tt.err || !strings.Contains(fault.Hint(err), "bayplan lock") {
				t.Errorf("%s: %v", tt.name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case f.Outputs["tag"].String() != tt.want || strings.Join(f.Notes, "\n") != tt.note:
			t.Errorf("%s: %v, notes %q", tt.name, f.Outputs["tag"], f.Notes)
		}
		if listed != tt.listed {
			t.Errorf("%s: tags were listed %d times, want %d", tt.name, listed, tt.listed)
		}
		if err := lock.Save(); err != nil {
			t.Fatal(err)
		}
	}
}
