package version

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestRange(t *testing.T) {
	tests := map[string]struct{ in, out string }{
		">=1.8 <2":           {"1.8 v1.8.0 1.8-alpine 1.9.9 1.10 1.99-alpine3.20 1.8+x 1.8_amd64", "1.7.9 2 2.0 2.0-alpine v2.0.0 1.9-rc1 2.0-rc1 1.8-rc1 20240131 latest 1a2b3c4 release-1.9 sha-1234567"},
		">= 1.8 < 2":         {"1.8 1.9", "2 1.7"},
		">=1.8-rc1 <2":       {"1.8-rc1 1.8-rc2 1.8 1.9-rc1", "1.8-beta1 2-rc1 2.0.0-rc1 2"},
		">=1.8 <=2-rc1":      {"2-rc1 2.0-beta1 1.9-rc1", "2 2-rc2"},
		">=1.8 <=1.8":        {"1.8 1.8-alpine", "1.8.1 1.7"},
		">=1.8-alpine =1.8":  {"1.8-alpine", "1.9"},
		">1 !=2 <3":          {"1.5 2.1", "1 2 3"},
		"=1.8":               {"1.8 v1.8 1.8.0 1.8-alpine", "1.8.1 1.8-1 1.8-rc1"},
		"==1.8-alpine":       {"1.8-alpine", "1.8 1.8-debian"},
		"!=1.8":              {"1.7 1.8.1", "1.8 1.8.0 1.8-alpine latest 20240131"},
		">13.0":              {"13.0-43 13.1 16", "13.0 13 13.0-rc1 12"},
		">=13.0-40 <13.0-50": {"13.0-40 13.0-43", "13.0 13.0-50 13.1"},
		"<1 || >=3":          {"0.9 3 4", "1 2 2.9"},
		"<1||>=3 <4":         {"0.9 3 3.9", "1 4"},
		">=16":               {"16 17 16.2", "15 20240131 2024-01-31 abcdef1 1234567a"},
		">=20240101":         {"20240131 2024-01-31 20240131.2", "16 99999999 1.20240131"},
		">=release-1.2":      {"release-1.2 release-1.10", "1.10 stable-1.10 release-1.1"},
		">0":                 {"12345678 20241340", "20241231"},
		">=2025.1":           {"2025.1 2025.2 2026.1-ubuntu-noble", "2024.2 master-ubuntu-noble"},
	}
	for text, tt := range tests {
		r, err := ParseRange(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for _, tag := range strings.Fields(tt.in) {
			if !r.Contains(Parse(tag)) {
				t.Errorf("%s is not in %s", tag, text)
			}
		}
		for _, tag := range strings.Fields(tt.out) {
			if r.Contains(Parse(tag)) {
				t.Errorf("%s is in %s", tag, text)
			}
		}
	}
}

func TestParseRangeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                "a comparison is missing",
		">=2 <1":          "no version is in >=2 and in <1",
		"<1 >2":           "no version is in >2 and in <1",
		">2 <=2":          "no version is in >2 and in <=2",
		">=2 <2":          "no version is in >=2 and in <2",
		"=1 =2":           "no version is in =2 and in =1",
		">=1 || =3 <2":    "no version is in =3 and in <2",
		">=1.8 <20240131": "no version is in >=1.8 and in <20240131",
		">=app-1 <2":      "no version is in >=app-1 and in <2",
		">=1 ||":          "a comparison is missing",
		">=":              ">= has no version behind it",
		"1.8":             `"1.8" has no operator`,
		"^1.8":            `"^1.8" is not a comparison with a version`,
		"~>1.8":           `"~>1.8" is not a comparison with a version`,
		">=1.x":           `">=1.x" is not a comparison with a version`,
		"=1.8.*":          `"=1.8.*" is not a comparison with a version`,
		">=1.8,<2":        `">=1.8,<2" is not a comparison`,
		">=1.8 - 2":       `"-" is not a comparison with a version`,
		">=latest":        `"latest" is not a version`,
		"=1a2b3c4d":       `"1a2b3c4d" is not a version`,
		">=1.8 <<2":       `"<<2" is not a comparison with a version`,
		"=>1.8":           `"=>1.8" is not a comparison with a version`,
		">=1.8 | <=2":     `"|" is not a comparison with a version`,
	} {
		_, err := ParseRange(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := ParseRange("1.8"); !strings.Contains(fault.Hint(err), "=1.8") {
		t.Errorf("hint %q", fault.Hint(err))
	}
}

// A range of semantic versions has the versions that lie between its bounds in the order
// of Go's modules.
func FuzzRangeAsSemver(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, a, b int64) {
		x, y := semanticVersion(a), semanticVersion(b)
		if zeroIsNone(x, y) && semver.Prerelease(x)+semver.Prerelease(y) != "" {
			return // alpha and alpha.0 are one version of PEP 440
		}
		order := semver.Compare(x, y)
		counts := semver.Prerelease(x) == "" || semver.Prerelease(y) != ""
		below := order < 0 && (semver.Prerelease(x) == "" || semver.Prerelease(y) != "")
		for operator, want := range map[string]bool{
			">": order > 0, ">=": order >= 0, "<": below, "<=": order <= 0, "=": order == 0, "!=": order != 0,
		} {
			r, err := ParseRange(operator + y)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Contains(Parse(x)); got != (want && counts) {
				t.Errorf("%s in %s%s: %v", x, operator, y, got)
			}
		}
	})
}

// What every range keeps, whatever the tag is: a bound and its opposite never both hold.
func FuzzRangeLaws(f *testing.F) {
	for _, tag := range []string{"1.8", "1.8-alpine", "1.8-rc1", "20240131", "latest", "1a2b3c4", "release-1.2", "1.0+x", "13.0-43", ""} {
		f.Add(tag, "1.8")
		f.Add("1.8-1", tag)
	}
	f.Fuzz(func(t *testing.T, tag, bound string) {
		in := func(operator string) bool {
			r, err := ParseRange(operator + bound)
			return err == nil && r.Contains(Parse(tag))
		}
		yes := slices.DeleteFunc([]string{">", "<", "="}, func(o string) bool { return !in(o) })
		if len(yes) > 1 {
			t.Errorf("%q is in %v of %q", tag, yes, bound)
		}
		if in(">=") != (in(">") || in("=")) || in("=") && in("!=") {
			t.Errorf("%q and %q: %v, >= %v", tag, bound, yes, in(">="))
		}
	})
}
