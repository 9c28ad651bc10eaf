package tagselect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var tags = []string{
	"latest", "v1.7.0", "v1.8.0", "v1.8.1", "v1.8.2-rc1", "v1.9.0", "v1.10.0", "v2.0.0", "v1.10.0-alpine", "20240131", "16", "abcdef1",
	"sha256-" + strings.Repeat("0", 64) + ".sig",
}

func TestRule(t *testing.T) {
	tests := map[string]struct {
		rule Rule
		want string
	}{
		"all, but no signatures": {Rule{}, "v2.0.0 v1.10.0 v1.10.0-alpine v1.9.0 v1.8.2-rc1 v1.8.1 v1.8.0 v1.7.0 16 20240131 latest abcdef1"},
		"the whole pipeline": {
			Rule{Match: []string{`v\d+\.\d+\.\d+`}, Version: ">=1.8 <2", Newest: 3, Also: []string{"latest"}},
			"v1.10.0 v1.9.0 v1.8.1 latest",
		},
		"one of two patterns":           {Rule{Match: []string{"v1.*", "16"}, Except: []string{".*-rc.*", ".*alpine"}}, "16 v1.10.0 v1.9.0 v1.8.1 v1.8.0 v1.7.0"},
		"an alternative is grouped":     {Rule{Match: []string{"v1.8.0|v2"}}, "v1.8.0"},
		"16 is a version":               {Rule{Newest: 1}, "16"},
		"pre-releases where named":      {Rule{Version: ">=1.8.2-rc1 <1.9"}, "v1.8.2-rc1"},
		"dates among dates":             {Rule{Version: ">=20240101"}, "20240131"},
		"also, though it fell":          {Rule{Match: []string{"v2.*"}, Also: []string{"v1.7.0", "v2.0.0", "v9"}}, "v2.0.0 v1.7.0"},
		"words are in no newest":        {Rule{Match: []string{"latest|abcdef1|v1.7.0"}, Newest: 9}, "v1.7.0"},
		"a signature where it is named": {Rule{Match: []string{"v2.*"}, Also: []string{tags[len(tags)-1]}}, "v2.0.0 " + tags[len(tags)-1]},
	}
	for name, tt := range tests {
		c, err := tt.rule.Choose("q.io/x", tags)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, want := map[string]bool{}, map[string]bool{}
		for _, tag := range c.Chosen {
			got[tag] = true
		}
		for _, tag := range strings.Fields(tt.want) {
			want[tag] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, tag := range tags {
			if why, listed := c.Why(tag); !listed || (why == "") != got[tag] {
				t.Errorf("%s: why %s: %q, %v", name, tag, why, listed)
			}
		}
	}
}

func TestWhy(t *testing.T) {
	rule := Rule{Match: []string{"v.*", "20.*", "latest"}, Except: []string{".*alpine"}, Version: ">=1.8", Newest: 2}
	c, err := rule.Choose("q.io/x", tags)
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{
		"v2.0.0": "", "v1.10.0": "", "16": "match 'v.*' or '20.*' or 'latest': the pattern does not match all of it",
		"v1.10.0-alpine": "except '.*alpine': the pattern matches it", "v1.7.0": "version '>=1.8': it is not in the range",
		"latest": "version '>=1.8': it names no version", "20240131": "version '>=1.8': it is not in the range: it is a date",
		"v1.8.2-rc1": "version '>=1.8': it is not in the range, in which pre-releases count only where a bound names one",
		"v1.9.0":     "newest 2: 2 tags are newer, from v1.10.0 on", tags[len(tags)-1]: "signatures and the like: it holds a signature or the like of another image",
	} {
		if got, _ := c.Why(tag); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
	var left []string
	for _, s := range c.Stages {
		left = append(left, fmt.Sprint(s.Left))
	}
	if got := strings.Join(left, " "); got != "12 10 9 5 2" || c.Listed != 13 {
		t.Errorf("the stages leave %s of %d", got, c.Listed)
	}
}

// registryOf is a Lister with these tags.
type registryOf struct{ tags map[string][]string }

func (r registryOf) AllTags(_ context.Context, name string) ([]string, error) {
	got, ok := r.tags[name]
	if !ok {
		return nil, errors.New("not found")
	}
	return got, nil
}

func (r registryOf) Catalog(context.Context, string) ([]string, error) {
	return []string{"kolla/nova-api", "kolla/cron", "kolla/a/b", "other"}, nil
}

func TestSelection(t *testing.T) {
	r := registryOf{tags: map[string][]string{
		"q.io/kolla/nova-api": {"2026.1", "2025.2", "2026.1-rc1"}, "q.io/kolla/cron": {"2026.1", "latest"}, "q.io/kolla/a/b": {"2026.1"}, "q.io/other": {},
	}}
	tests := map[string]struct {
		s    Selection
		want string
		err  string
	}{
		"a pattern":       {Selection{From: "q.io/kolla/*", Rule: Rule{Match: []string{`2026\.1`}}}, "q.io/kolla/cron:2026.1 q.io/kolla/nova-api:2026.1", ""},
		"newest of each":  {Selection{From: "q.io/kolla/*", Rule: Rule{Newest: 1}, AtLeast: 2}, "q.io/kolla/cron:2026.1 q.io/kolla/nova-api:2026.1", ""},
		"over slashes":    {Selection{From: "q.io/kolla/**", Rule: Rule{Match: []string{`2026\.1`}}}, "q.io/kolla/a/b:2026.1 q.io/kolla/cron:2026.1 q.io/kolla/nova-api:2026.1", ""},
		"two stars":       {Selection{From: "q.io/*/*/b"}, "q.io/kolla/a/b:2026.1", ""},
		"no repository":   {Selection{From: "q.io/kola/*"}, "", "none of the 4 repositories of q.io matches kola/*"},
		"the first stage": {Selection{From: "q.io/kolla/nova-api", Rule: Rule{Match: []string{"20.*"}, Version: ">=2027"}}, "", `nothing is selected from q.io/kolla/nova-api: version '>=2027' leaves none of 3 tags`},
		"a typo":          {Selection{From: "q.io/kolla/*", Rule: Rule{Match: []string{"2027"}, Newest: 3}}, "", "nothing is selected from q.io/kolla/*: match '2027' leaves none of 5 tags"},
		"also is no help": {Selection{From: "q.io/kolla/cron", Rule: Rule{Match: []string{"x"}, Also: []string{"latest"}}}, "", "match 'x' leaves none of 2 tags"},
		"too few":         {Selection{From: "q.io/kolla/*", Rule: Rule{Except: []string{"latest"}, Version: "=2026.1"}, AtLeast: 3}, "", "2 tags are selected, fewer than at_least: 3 from q.io/kolla/*: version '=2026.1' leaves 2 of 4 tags"},
		"no tags":         {Selection{From: "q.io/other"}, "", "nothing is selected from q.io/other: there are 0 tags"},
		"also a typo":     {Selection{From: "q.io/kolla/cron", Rule: Rule{Newest: 1, Also: []string{"lates"}}}, "", "also names the tag lates, which q.io/kolla/cron does not have"},
		"both, one line":  {Selection{From: "q.io/kolla/cron", Rule: Rule{Match: []string{"x"}, Also: []string{"lates", "newst"}}}, "", "leaves none of 2 tags; also names the tag lates, which q.io/kolla/cron does not have; also names the tag newst, which"},
	}
	for name, tt := range tests {
		all, err := tt.s.Choose(t.Context(), r)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want %q", name, err, tt.err)
		}
		if got := strings.Join(all.Images(), " "); err == nil && got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestSplit(t *testing.T) {
	for from, want := range map[string]string{
		"q.io/a/b": "q.io a/b", "q.io/a/*": "q.io a/*", "q.io/**": "q.io **", "q.io/a/**/b": "q.io a/**/b", "docker.io/alpine": "docker.io library/alpine", "q.io:5000/*": "q.io:5000 *",
		"q.io/a:1": "has the tag 1", "q.io/a/*:1": "has the tag 1", "q.io/a@sha256:" + strings.Repeat("1", 64): "has a digest", "*.io/a": "not in a host", "oci:/a": "is a layout",
		"alpine": "does not begin with a registry's host", "q.io/A": "upper-case letters", "q.io/A*": "not of the form", "": "does not begin",
	} {
		host, repository, err := Split(from)
		got := host + " " + repository
		if err != nil {
			got = err.Error()
		}
		if got != want && !(err != nil && strings.Contains(got, want)) {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	s := Selection{From: "q.io/a/*", Rule: Rule{Match: []string{`v\d+`, "it's"}, Except: []string{"x"}, Version: ">=1.8 <2", Newest: 3, Also: []string{"latest"}}, AtLeast: 4}
	if got, want := s.Name(), `q.io/a/* tags match 'v\d+' match 'it''s' except 'x' version '>=1.8 <2' newest 3 also 'latest'`; got != want {
		t.Errorf("got %s", got)
	}
	if got := (Selection{From: "q.io/a"}).Name(); got != "q.io/a tags" {
		t.Errorf("got %s", got)
	}
}
