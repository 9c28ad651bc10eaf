package version

import (
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each list is in the order of versions, the newest first.
func TestNewestFirst(t *testing.T) {
	for name, want := range map[string][]string{
		"builds":                    {"13.0-100", "13.0-43", "13.0-40.1", "13.0-40", "13.0-9", "13.0", "12.9"},
		"zeros behind the release":  {"18.0.1.0b1", "18.0.0", "18.0.0.0rc1", "18.0.0.0b2", "18.0.0.0b1", "17.9"},
		"Python":                    {"1.1.dev1", "1.0.post1", "1.0.post1.dev2", "1.0+5", "1.0+abc.7", "1.0+abc.5", "1.0", "1.0rc2", "1.0c1", "1.0b2.post345", "1.0b2.post345.dev456", "1.0b2", "1.0b1.dev456", "1.0a12", "1.0a12.dev456", "1.0a2", "1.0a1", "1.0.dev9", "1.0.dev8"},
		"epochs":                    {"2!1.0", "1!1.0", "1!0.9", "2026.1"},
		"semantic versions":         {"1.0.0", "1.0.0-rc.1", "1.0.0-beta.11", "1.0.0-beta.2", "1.0.0-beta", "1.0.0-alpha.beta", "1.0.0-alpha.1", "1.0.0-alpha"},
		"further identifiers":       {"1.0.0", "1.0.0-rc.1.2", "1.0.0-rc.1.1", "1.0.0-rc.1", "1.0.0-canary.12", "1.0.0-canary.9"},
		"Maven":                     {"5.0.1", "5.0.0-SP1", "5.0.0.Final", "5.0.0-SNAPSHOT", "5.0.0.CR2", "5.0.0.CR1", "5.0.0-M10", "5.0.0-M3", "5.0.0.Beta2", "5.0.0.Beta1", "5.0.0.Alpha4"},
		"Debian":                    {"2.0-1ubuntu2", "2.0-1ubuntu1", "2.0-1+deb12u1", "2.0-1", "2.0-1~bpo12+1", "2.0", "2.0~rc1", "2.0~beta1", "2.0~~", "1.9"},
		"RPM":                       {"1.0-2.el9", "1.0-2", "1.0-1.el9", "1.0-1", "1.0", "1.0-0.2.rc2", "1.0-0rc1", "1.0-0.1.rc1"},
		"Alpine":                    {"3.0.2", "3.0.2_rc1", "3.0.1-r4", "3.0.1_p3", "3.0.1-r2", "3.0.1_p1", "3.0.1_git20240101", "3.0.1", "3.0.1_beta4"},
		"variants":                  {"1.26rc1-slim", "1.25", "1.25-slim-bookworm", "1.25-alpine3.18", "1.25-alpine3.9", "1.25-alpine", "1.25rc1", "1.25rc1-alpine", "1.24"},
		"of kolla":                  {"2026.1-ubuntu-noble", "2026.1-rocky-10", "2025.2-ubuntu-noble", "2025.1-ubuntu-noble"},
		"of git describe":           {"v1.2.4", "v1.2.3-14-gabc1234", "v1.2.3-4-gfff1234", "v1.2.3", "v1.2.3-rc1-4-gabc1234", "v1.2.3-rc1"},
		"a commit id as a variant":  {"1.0", "1.0-b2c3d4e", "1.0-1a2b3c4", "1.0rc1"},
		"a beta of a day":           {"1.0", "1.0b20240201", "1.0-b20240131", "1.0a1"},
		"letters of patches":        {"1.1.1w", "1.1.1r", "1.1.1q", "1.1.1p", "1.1.1k", "1.1.1c", "1.1.1b-1", "1.1.1b", "1.1.1b-alpine", "1.1.1a", "1.1.1", "1.1.1b2", "1.1.1-a", "1.1.1a.dev1", "1.1.0z"},
		"two letters of patches":    {"1.0.2zb", "1.0.2za", "1.0.2z", "1.0.2y", "1.0.2a", "1.0.2", "1.0.2ab", "1.0.2-beta3"},
		"two numbers and a letter":  {"1.0", "1.0c", "1.0b2", "1.0b", "1.0a1", "1.0a"},
		"a build of a pre-release":  {"1.0-123", "1.0_1", "1.0", "1.0_x-beta2", "1.0-7-SNAPSHOT", "1.0_2-rc1", "1.0-123-rc", "1.0-99-rc", "1.0-rc", "1.0-7.nightly", "0.9-1"},
		"further words":             {"1.0.1", "1.0.SR2", "1.0-hf1", "1.0", "1.0.eap3", "1.0.ctp2", "1.0prerelease1", "1.0-candidate1", "1.0.Test1", "1.0-test0", "0.9"},
		"words behind _":            {"1.0_1", "1.0", "1.0_candidate2", "1.0_test2"},
		"nightly builds":            {"4.14.0-1", "4.14.0", "4.14.0-rc.1", "4.14.0-ec.2", "4.14.0.ec.1", "4.14.0-0.nightly-2024-02-01", "4.14.0-0.nightly-2024-01-31", "4.13.9"},
		"a word before the version": {"1.0", "release-1.0", "app-1.0", "snapshot-1.0", "release-candidate-1.1", "app-test-2.0", "app-dev-1.1"},
		"updates":                   {"8u402-b06", "8u402", "8u292-b10", "8u292-b09", "8u292", "8u66", "8"},
		"with one number":           {"17", "16.4", "16", "15.9"},
		"a leading v":               {"v1.10", "v1.9", "1.9", "v1.8"},
		"numbers":                   {"1.10", "1.009", "1.08"},
		"very long numbers":         {"1.99999999999999999999999999", "1.9999999999999999999"},
		"case":                      {"2.0", "2.0-RC2", "2.0-rc1", "2.0-Beta1"},
		"days among themselves":     {"20260301.2", "20260301.1", "20260301", "2026-02-28", "20251231235959", "202512311200", "20251231"},
		"versions, days, the rest":  {"3.20", "0.1", "20240606", "20240315", "release-1.10", "release-1.9", "release-1.9-rc1", "latest", "edge", "1a2b3c4d"},
		"no day":                    {"20241399", "20240199", "3.20"},
		"no commit id":              {"1234567", "12345", "3.20"},
		"a prefix before a day":     {"bookworm-20240311", "bookworm-20240211-slim", "bookworm-20240130", "bookworm"},
		"text in place of versions": {"stable", "sha-1b2c3d4", "sha-1a2b3c4", "latest", "edge"},
	} {
		t.Run(name, func(t *testing.T) {
			got := slices.Clone(want)
			rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
			NewestFirst(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Versions that are written differently are equal, but Compare gives an order to
// different text.
func TestEqualVersions(t *testing.T) {
	for _, equal := range [][]string{
		{"1.0", "1", "v1.0", "1.0.0", "01.0", "0!1", "1.0.Final", "1.0-ga"},
		{"1.0rc1", "1.0-rc1", "1.0.rc.1", "1.0.0_rc1", "1.0C1", "v1-pre1", "1.0.0.0rc01", "1.0preview1"},
		{"1.0a", "1.0a0", "1.0-alpha"},
		{"1.0-1", "1.0.post1", "1.0r1", "1.0-r1", "1.0-post.1"},
		{"20240131", "2024-01-31"},
	} {
		for _, a := range equal {
			for _, b := range equal {
				if c := Parse(a).Compare(Parse(b)); c != 0 {
					t.Errorf("%s and %s: %d", a, b, c)
				}
				if (Compare(a, b) == 0) != (a == b) {
					t.Errorf("%s and %s have no order", a, b)
				}
			}
		}
	}
}

func TestClass(t *testing.T) {
	for class, tags := range map[Class]string{
		Number:   "16 v2 1.0 13.0-43 1!2 2026.1-ubuntu-noble 1234567 8u292 3.12-slim 1.0.0-1a2b3c4 20249999 2024.01.31",
		Date:     "20240131 v20240131 20240131.2 2024-01-31 202401311200 20240131-1 20240131-arm64",
		Prefixed: "release-1.2 bookworm-20240311 jdk17 v.1",
		Word:     "latest 1a2b3c4 ABCDEF1 deadbeef sha-1a2b3c4 0123456789abcdef0123456789abcdef01234567",
	} {
		for tag := range strings.FieldsSeq(tags + " ") {
			v := Parse(tag)
			if v.Class() != class || v.IsVersion() != (class == Number) || v.String() != tag {
				t.Errorf("%s: class %d, want %d", tag, v.Class(), class)
			}
		}
	}
	if Parse("").Class() != Word {
		t.Error("the empty text is a version")
	}
}

func TestIsPreRelease(t *testing.T) {
	for _, tag := range strings.Fields("1.0rc1 1.0-rc1 1.0-M3 1.0.Beta2 1.0.dev9 1.0b2 1.0a1 18.0.0.0rc1 1.0~pre 1.0~ 1.0-SNAPSHOT 1.0_rc1 1.0.post1.dev2 3.13-rc-slim 15.0.0-canary.4 release-1.0-rc1 1.0-0rc1 1.0a 1.1.1b2 1.1.1-b 1.1.1b.dev1 1.0_1-rc1 1.0-123-rc 1.0_x-rc1 1.0-20240131-5-rc1 4.14.0-ec.1 8u402-b06-rc1 8u402b1") {
		if !Parse(tag).IsPreRelease() {
			t.Errorf("%s is a pre-release", tag)
		}
	}
	for _, tag := range strings.Fields("1.0 1.0.post1 1.0-r1 1!1 1.0+x 1.0+rc1 13.0-43 1.25-alpine 1.0-1ubuntu1 1.0.Final latest 1a2b3c4 20240131 1.0-b2c3d4e 1.1.1w 1.1.1b 1.1.1a-alpine 1.1.1c-1 1.0.2zb 1.0_1 1.0_x 1.0+1-rc1 1.0-1~bpo12+1 rc1 8u402-b06 8u402-b06-jdk") {
		if Parse(tag).IsPreRelease() {
			t.Errorf("%s is not a pre-release", tag)
		}
	}
}

// FuzzOrder holds that the order is total: it is the same both ways, transitive,
// and equal only for equal text.
func FuzzOrder(f *testing.F) {
	for _, s := range [][3]string{
		{"13.0-40", "13.0-9", "latest"},
		{"1.0~rc1", "v1.0", "01.0"},
		{"18.0.0", "18.0.0.0rc1", "18.0.0.0b2"},
		{"1.0-0.1.rc1", "1.0-alpine", "1.0+x_y"},
		{"20240131", "202401311200", "release-20240131"},
		{"1a2b3c4", "1.0-1a2b3c4", "1.0.dev-1"},
		{"1.0-alpha.beta", "1.0-alpha.1.x", "1.0_p-1"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		checkOrder(t, a, b, c)
	})
}

func checkOrder(t *testing.T, a, b, c string) {
	t.Helper()
	for _, compare := range []func(a, b string) int{Compare, func(a, b string) int { return Parse(a).Compare(Parse(b)) }} {
		if compare(a, b) != -compare(b, a) {
			t.Errorf("%q and %q are not compared the same both ways", a, b)
		}
		s := []string{a, b, c}
		slices.SortFunc(s, compare)
		if compare(s[0], s[1]) > 0 || compare(s[1], s[2]) > 0 || compare(s[0], s[2]) > 0 {
			t.Errorf("%q, %q and %q have no order", a, b, c)
		}
		if compare(s[0], s[1]) == 0 && compare(s[1], s[2]) == 0 && compare(s[0], s[2]) != 0 {
			t.Errorf("%q, %q and %q are not all equal", a, b, c)
		}
	}
	if (Compare(a, b) == 0) != (a == b) {
		t.Errorf("%q and %q are compared as %d", a, b, Compare(a, b))
	}
}

// The order is total on what tags are made of.
func TestOrderOfTags(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	parts := []string{".", "-", "_", "+", "~", "0", "1", "10", "a", "rc", "beta", "dev", "post", "r", "alpine", "Final", "1a2b3c4", "20240131", "v", "!", "x", "m"}
	tag := func() string {
		var b strings.Builder
		b.WriteString([]string{"1", "1.0", "v2", "", "20240131"}[r.Intn(5)])
		for range r.Intn(5) {
			b.WriteString(parts[r.Intn(len(parts))])
		}
		return b.String()
	}
	for range 20000 {
		checkOrder(t, tag(), tag(), tag())
	}
}
