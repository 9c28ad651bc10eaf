package convert

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/yamlguard"
)

// renamed applies rules as mirror does: the first one that matches.
func renamed(rules []renaming, name string) string {
	for _, r := range rules {
		if rest, ok := strings.CutPrefix(name, r.from); ok {
			return r.to + rest
		}
	}
	return name
}

// instances gives names that an entry may stand for, with the names that they get.
func instances(e entry) map[string]string {
	stem, open := e.stem()
	all := map[string]string{stem: e.targetStem()}
	if open {
		all = map[string]string{}
		for _, rest := range []string{"a", "b", "a-b", "1", "1.2"} {
			all[stem+rest] = e.targetStem() + rest
		}
	}
	return all
}

// However entries are named, the rules of their step give each image its name, no entry is
// lost, and no rule comes behind one that hides it.
func TestSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	repository := func() string {
		parts := []string{pick("a", "b", "ab", "a-b", "x"), pick("a", "b", "ab", "a-b", "x"), pick("a", "c")}
		return strings.Join(parts[:1+r.IntN(3)], "/")
	}
	for range 2000 {
		p := &plan{}
		for range 1 + r.IntN(6) {
			e := entry{source: name{host: "q.io", repository: repository()}, to: pick("r.io", "s.io"), target: repository()}
			if r.IntN(2) == 0 {
				e.target = pick("", "m/") + e.source.repository
			}
			switch r.IntN(4) {
			case 0:
				e.rules = &tagRules{}
			case 1:
				e.rules = &tagRules{}
				e.source.repository, e.target = e.source.repository+pick("/*", "-*"), e.target+"/"
			default:
				e.source.tag = pick("1", "1.2", "12")
				e.target += ":" + pick(e.source.tag, "stable")
			}
			p.entries = append(p.entries, e)
		}
		var seen []entry
		for _, s := range p.steps() {
			seen = append(seen, s.entries...)
			for _, e := range s.entries {
				for from, want := range instances(e) {
					if got := renamed(s.rename, from); got != want || e.to != s.entries[0].to {
						t.Fatalf("%s becomes %s, want %s, by %+v", from, got, want, s.rename)
					}
				}
			}
			for i, rule := range s.rename {
				if slices.ContainsFunc(s.rename[:i], func(o renaming) bool { return strings.HasPrefix(rule.from, o.from) }) {
					t.Fatalf("rule %d never applies: %+v", i, s.rename)
				}
			}
		}
		if len(seen) != len(p.entries) {
			t.Fatalf("%d of %d entries are in steps", len(seen), len(p.entries))
		}
	}
}

func TestRulesFor(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     renaming // the first one
	}{
		{"library/alpine:", "alpine:", renaming{"library/", ""}},
		{"library/alpine:", "mirror/alpine:", renaming{"library/", "mirror/"}},
		{"a/b/c:1", "m/a/b/c:1", renaming{"a/", "m/a/"}},
		{"alpine:", "m/alpine:", renaming{"alpine", "m/alpine"}},
		{"a/b:1", "a/c:1", renaming{"a/b", "a/c"}},
		{"a/b:1", "a/b:2", renaming{"a/b:1", "a/b:2"}},
		{"", "m/", renaming{"", "m/"}},
	} {
		if got := rulesFor(tt.from, tt.to)[0]; got != tt.want {
			t.Errorf("%s to %s: %+v, want %+v", tt.from, tt.to, got, tt.want)
		}
	}
}

// The images of an ImageSetConfiguration get the names that oc-mirror gives them.
func TestImageSet(t *testing.T) {
	digest := "sha256:" + strings.Repeat("1", 64)
	text := `
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v1alpha2
mirror:
  additionalImages:
  - name: registry.redhat.io/ubi8/ubi
  - name: docker://quay.io/a/b:1
  - name: quay.io/a/c@` + digest + `
  - name: quay.io/a/d:1@` + digest + `
  - {name: quay.io/a/e:1, targetRepo: x/y, targetTag: two}
  - {name: quay.io/a/f@` + digest + `, targetTag: three}
  - {name: quay.io/a/g:1, platforms: [{os: linux, architecture: arm64}, {os: linux, architecture: s390x}]}
  - name: quay.io/bad/h:1
  - name: busybox
  blockedImages:
  - name: quay.io/bad/.*
`
	r := &reader{Options: Options{File: "set.yaml", To: "r.io/sub"}, program: "oc-mirror"}
	root, bad := yamlguard.ParseValue([]byte(text), yamlguard.Options{Foreign: true})
	if bad != nil {
		t.Fatal(bad)
	}
	r.imageSet(root)
	got := map[string]string{}
	for _, e := range r.plan.entries {
		got[e.source.String()] = strings.TrimSpace(e.to + "/" + e.target + " " + strings.Join(e.platforms, " "))
	}
	want := map[string]string{
		"registry.redhat.io/ubi8/ubi:latest": "r.io/sub/ubi8/ubi:latest",
		"quay.io/a/b:1":                      "r.io/sub/a/b:1",
		"quay.io/a/c@" + digest:              "r.io/sub/a/c:sha256-" + strings.Repeat("1", 64),
		"quay.io/a/d:1@" + digest:            "r.io/sub/a/d:1",
		"quay.io/a/e:1":                      "r.io/sub/x/y:two",
		"quay.io/a/f@" + digest:              "r.io/sub/a/f:three",
		"quay.io/a/g:1":                      "r.io/sub/a/g:1 linux/arm64 linux/s390x",
		"docker.io/library/busybox:latest":   "r.io/sub/library/busybox:latest",
	}
	if diff := cmp.Diff(want, got); diff != "" || r.bad != nil {
		t.Errorf("%v (-want +got):\n%s", r.bad, diff)
	}
	if want := []Note{{13, `quay.io/bad/h:1 is left out: line 16 blocks it, as quay.io/bad/.*`}}; !cmp.Equal(want, r.notes) {
		t.Errorf("notes %v", r.notes)
	}
}

func TestRepositoryPatterns(t *testing.T) {
	for text, want := range map[string]string{
		".*": "**", ".+": "**", "kolla/.*": "kolla/**", "kolla/.+": "kolla/**", "kolla/[^/]+": "kolla/*", "[^/]*/x": "*/x", "b-.+": "b-**", `c\.d`: "c.d", "a/b": "a/b",
		"ab.+": "", "ab.*": "ab**", "e.f": "", "x|y": "", "a?": "", "[a-z]+": "", "A": "", "": "",
	} {
		if got := repositoryPattern(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	for _, tt := range []struct {
		ad   allowDeny
		want string
	}{
		{allowDeny{allow: []string{"a", "b/c", "b/d"}, deny: []string{"b/.*"}}, "a"},
		{allowDeny{deny: []string{"b/.*"}}, "a selection has no rule for repositories that are left out: write those that stay under repos.allow"},
		{allowDeny{allow: []string{"a", "b|c"}}, `the expression "b|c" of repositories is not a pattern of * and **`},
		{allowDeny{}, "**"},
	} {
		names, err := repositories(syncEntry{repositories: tt.ad})
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v: %q, want %q", tt.ad, got, tt.want)
		}
	}
}
