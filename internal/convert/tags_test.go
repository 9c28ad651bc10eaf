package convert

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tagselect"
)

// tagsToTry has tags that expressions with and without anchors tell apart.
var tagsToTry = []string{
	"a", "b", "ab", "ba", "aab", "bba", "abc", "v1", "v1.2", "v1.2.3", "xv1.2.3", "v1.2.3x", "1.2.3-alpine", "latest", "latest2", "edge", "1x2", "A", "1.13.1-alpine-perl", "1.13.2-alpine-perl",
}

func matching(t *testing.T, pattern string) []string {
	t.Helper()
	p, err := tagselect.Pattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return filter(tagsToTry, p.MatchString)
}

func filter(tags []string, keep func(string) bool) []string {
	var kept []string
	for _, tag := range tags {
		if keep(tag) {
			kept = append(kept, tag)
		}
	}
	return kept
}

var expressions = []string{
	"a", "a|b", "^a|b$", "^a$", "a$", "^a", "(a|b)", "ab|ac", "latest|edge", `v\d+\.\d+\.\d+`, `^1\.13\.[12]-alpine-perl$`, `^v1\.2`, `3$`, "(?i)a", "(?i)a|B", "", ".*", "^", "$", "^$", `a\$`, `1.2`, "^^a", "a$$", `\Aa\z`, "a??",
	`\Qa`, `a|\Qb`, `\Q1.13.1`, `^\Qv1.2`, `\Qa$`, `\Qv1.2\E.3`, `\Q`,
}

// What regsync and skopeo select by an expression, the plan's expression selects.
func TestExpressions(t *testing.T) {
	for _, text := range expressions {
		got, err := anchored(text)
		if err != nil {
			t.Fatal(err)
		}
		want := filter(tagsToTry, regexp.MustCompile("^"+text+"$").MatchString)
		if diff := cmp.Diff(want, matching(t, got)); diff != "" {
			t.Errorf("regsync's %q became %q (-want +got):\n%s", text, got, diff)
		}
		if got, err = searched(text); err != nil {
			t.Fatal(err)
		}
		want = filter(tagsToTry, regexp.MustCompile(text).MatchString)
		if diff := cmp.Diff(want, matching(t, got)); diff != "" {
			t.Errorf("skopeo's %q became %q (-want +got):\n%s", text, got, diff)
		}
	}
	for _, text := range []string{"a(", "a)(b", `a\`, "["} {
		if got, err := anchored(text); err == nil {
			t.Errorf("regsync's %q became %q", text, got)
		}
		if got, err := searched(text); err == nil {
			t.Errorf("skopeo's %q became %q", text, got)
		}
	}
}

// The expressions stay as readable as they can.
func TestExpressionsAreShort(t *testing.T) {
	for text, want := range map[string][2]string{
		`v\d+`: {`v\d+`, `.*v\d+.*`}, "a|b": {".*(?:^a|b$).*", ".*(?:a|b).*"}, "(a|b)": {"(a|b)", ".*(a|b).*"},
		`^1\.13\.[12]$`: {`^1\.13\.[12]$`, `1\.13\.[12]`}, "^1": {"^1", "1.*"}, "1$": {"1$", ".*1"},
	} {
		a, err := anchored(text)
		b, other := searched(text)
		if a != want[0] || b != want[1] || err != nil || other != nil {
			t.Errorf("%q became %q and %q, want %q", text, a, b, want)
		}
	}
}

// selectedBy gives the tags that rules select.
func selectedBy(t *testing.T, rules tagRules, tags []string) []string {
	t.Helper()
	c, err := tagselect.Rule{Match: rules.match, Except: rules.except, Version: rules.version}.Choose("q.io/x", tags)
	if err != nil {
		t.Fatal(err)
	}
	return filter(tags, func(tag string) bool {
		why, _ := c.Why(tag)
		return why == ""
	})
}

// The rules of images-by-semver are those that the documentation of
// github.com/Masterminds/semver gives.
func TestSemver(t *testing.T) {
	tags := strings.Fields("0.0.3 0.0.4 0.2.3 0.2.9 0.3.0 0.9 1 1.0.0 1.2 1.2.3 v1.2.9 1.2.9-beta.1 1.2.9-alpine 1.3.0 1.4.5 1.5 1.9.0 2 2.0.0-rc1 2.0.0 2.3.4 3.0.0 latest 1.2.3.4 20240131")
	for text, want := range map[string]string{
		"= 1.2.3":             "1.2.3",
		"1.2.3":               "1.2.3",
		"!= 1.2.3":            "0.0.3 0.0.4 0.2.3 0.2.9 0.3.0 0.9 1 1.0.0 1.2 v1.2.9 1.3.0 1.4.5 1.5 1.9.0 2 2.0.0 2.3.4 3.0.0",
		"> 1.9.0":             "2 2.0.0 2.3.4 3.0.0",
		">=1.4.5, <2":         "1.4.5 1.5 1.9.0",
		">= 1.2 < 3.0.0 || 3": "1.2 1.2.3 v1.2.9 1.3.0 1.4.5 1.5 1.9.0 2 2.0.0 2.3.4 3.0.0",
		"=> 2.3":              "2.3.4 3.0.0",
		"=< 0.0.4":            "0.0.3 0.0.4",
		"1.2 - 1.4.5":         "1.2 1.2.3 v1.2.9 1.3.0 1.4.5",
		"2.3.4 - 4.5":         "2.3.4 3.0.0",
		"1.2.x":               "1.2 1.2.3 v1.2.9",
		">= 1.9.x":            "1.9.0 2 2.0.0 2.3.4 3.0.0",
		"<= 0.x":              "0.0.3 0.0.4 0.2.3 0.2.9 0.3.0 0.9",
		"<= 1":                "0.0.3 0.0.4 0.2.3 0.2.9 0.3.0 0.9 1 1.0.0 1.2 1.2.3 v1.2.9 1.3.0 1.4.5 1.5 1.9.0",
		"> 1":                 "2 2.0.0 2.3.4 3.0.0",
		"> 1.5":               "1.9.0 2 2.0.0 2.3.4 3.0.0",
		"*":                   "0.0.3 0.0.4 0.2.3 0.2.9 0.3.0 0.9 1 1.0.0 1.2 1.2.3 v1.2.9 1.3.0 1.4.5 1.5 1.9.0 2 2.0.0 2.3.4 3.0.0",
		"~1.2.3":              "1.2.3 v1.2.9",
		"~1":                  "1 1.0.0 1.2 1.2.3 v1.2.9 1.3.0 1.4.5 1.5 1.9.0",
		"~> 2.3":              "2.3.4",
		"^1.2.3":              "1.2.3 v1.2.9 1.3.0 1.4.5 1.5 1.9.0",
		"^0.2.3":              "0.2.3 0.2.9",
		"^0.0.3":              "0.0.3",
		"^0.0":                "0.0.3 0.0.4",
		"^0":                  "0.0.3 0.0.4 0.2.3 0.2.9 0.3.0 0.9",
		"!= 1.x, >= 0.9":      "0.9 2 2.0.0 2.3.4 3.0.0",
		"!= 1.2.x >=1.2 <1.4": "1.3.0",
		">=1.2.9-0 <1.4.0-0":  "v1.2.9 1.2.9-beta.1 1.2.9-alpine 1.3.0",
		">=2.0.0-0":           "2 2.0.0-rc1 2.0.0 2.3.4 3.0.0",
		">=2.0.0-0 <3":        "2 2.0.0 2.3.4",
	} {
		found, err := parseSemver(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := map[string]bool{}
		for form, groups := range map[string][]string{skopeoRelease: found.releases, skopeoOrPreview: found.previews} {
			if len(groups) > 0 {
				for _, tag := range selectedBy(t, tagRules{match: []string{form}, version: strings.Join(groups, " || ")}, tags) {
					got[tag] = true
				}
			}
		}
		if diff := cmp.Diff(strings.Fields(want), filter(tags, func(tag string) bool { return got[tag] })); diff != "" {
			t.Errorf("%s became %+v (-want +got):\n%s", text, found, diff)
		}
	}
	for _, text := range []string{"", "a", ">=", "1.2.3.4", ">1 2x", "!=*", "<=*", "^*", ">=1.2<2", "99999999999", "!=1.x " + strings.Repeat("!=2.x ", 9)} {
		if found, err := parseSemver(text); err == nil {
			t.Errorf("%q became %+v", text, found)
		}
	}
}

// The ranges of regsync are those of its own package. What is expected of each differs only
// where the plan says so: at a bound itself, for a tag with more behind a hyphen.
func TestRegsyncRanges(t *testing.T) {
	tags := strings.Fields("0.0.3 0.0.4 0.2.3 0.3.0 1 1.0.0 1.2 1.2.3 v1.2.9 1.3.0-rc1 1.3.0 1.3.0.1 1.5 2.0.0 2.0.1 10.0.17763.2114 latest 1.2.x a1.2 20240131 1.2.9-x.y")
	for text, want := range map[string]string{
		">=1.2.3 <2.0.0":     "1.2.3 v1.2.9 1.3.0-rc1 1.3.0 1.3.0.1 1.5 1.2.9-x.y",
		">=v1.3":             "1.3.0 1.3.0.1 1.5 2.0.0 2.0.1 10.0.17763.2114",
		">1.3.0 <=1.5":       "1.3.0.1 1.5",
		"1.2.3":              "1.2.3",
		"=1.0":               "1 1.0.0",
		"^1.2.3":             "1.2.3 v1.2.9 1.3.0-rc1 1.3.0 1.3.0.1 1.5 1.2.9-x.y",
		"^0.2.3":             "0.2.3",
		"^0.0.3":             "0.0.3",
		"~1.2.3":             "1.2.3 v1.2.9 1.2.9-x.y",
		"~1":                 "1 1.0.0",
		"10.0.17763.2114":    "10.0.17763.2114",
		">=1.3.0-rc1 <1.3.1": "1.3.0-rc1 1.3.0 1.3.0.1",
		">=20240101":         "20240131",
	} {
		in, err := regsyncRange([]string{text})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := selectedBy(t, tagRules{match: []string{regsyncVersion}, version: in}, tags)
		if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
			t.Errorf("%s became %s (-want +got):\n%s", text, in, diff)
		}
	}
	if in, err := regsyncRange([]string{"<0.0.4", ">=2.0.1 <3"}); err != nil || in != "<0.0.4 >=0-dev || >=2.0.1 <3 >=0-dev" {
		t.Errorf("two ranges became %q, %v", in, err)
	}
	for _, text := range []string{"", " ", ">=abc", "> 1.0", "1.x", "=>1", ">=1,<2", "!=1", "^^1", ">=1.-1"} {
		if in, err := regsyncRange([]string{text}); err == nil {
			t.Errorf("%q became %q", text, in)
		}
	}
}
