package trust

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestPatternMatches(t *testing.T) {
	for pattern, tt := range map[string]struct{ yes, no []string }{
		"quay.io/mine/**":     {[]string{"quay.io/mine/a", "quay.io/mine/a/b"}, []string{"quay.io/mine", "quay.io/other/a", "x.quay.io/mine/a", "quayXio/mine/a"}},
		"quay.io/mine/*":      {[]string{"quay.io/mine/a"}, []string{"quay.io/mine/a/b", "quay.io/mine"}},
		"quay.io/mine":        {[]string{"quay.io/mine"}, []string{"quay.io/mine/a", "quay.io/mines", "QUAY.io/mine"}},
		"**":                  {[]string{"quay.io/a", "oci:/media/a:b"}, nil},
		"*.example.com/x?y/a": {[]string{"r.example.com/xzy/a"}, []string{"r.example.org/xzy/a"}},
		"**/nginx":            {[]string{"docker.io/library/nginx", "a/nginx"}, []string{"docker.io/library/nginx2", "nginx"}},
		"r.example/a+b/(c)":   {[]string{"r.example/a+b/(c)"}, []string{"r.example/aab/c"}},
		"oci:/media/grün/**":  {[]string{"oci:/media/grün/x:app"}, []string{"oci:/media/gr/x:app"}},
		"a**b*c":              {[]string{"abc", "a/x/b-c"}, []string{"a/b/c"}},
	} {
		p := NewPattern(pattern)
		for _, text := range tt.yes {
			if !p.Matches(text) {
				t.Errorf("%s does not match %s", pattern, text)
			}
		}
		for _, text := range append(tt.no, "", "x\n"+pattern) {
			if p.Matches(text) && pattern[0] != '*' {
				t.Errorf("%s matches %q", pattern, text)
			}
		}
	}
	for _, text := range []string{"r/.example.com/xzy/a", "r.example.com/x/y/a", "r.example.com/xy/a"} {
		if NewPattern("*.example.com/x?y/a").Matches(text) {
			t.Errorf("* or ? crosses a slash in %s", text)
		}
	}
	if (Pattern{}).Matches("") || NewPattern("").Matches("") {
		t.Error("no pattern matches")
	}
}

func TestCheckPattern(t *testing.T) {
	for _, good := range []string{
		"", "**", "quay.io/**", "docker.io/library/*", "localhost/a", "[2001:db8::1]:5000/a/*", "*/library/nginx", "r.example:5000/a_b/c-d.e", "oci:/media/Any Thing:**",
	} {
		if err := CheckPattern(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"nginx":                   "does not begin with a registry's host",
		"library/nginx":           "does not begin with a registry's host",
		"*":                       "does not begin with a registry's host",
		"quay.io/a:1":             "has a tag or a digest",
		"quay.io/a@" + digestA:    "has a tag or a digest",
		"quay.io/A/*":             "no upper-case letters",
		"quay.io/***":             "three * in a row",
		"quay.io/[a-z]":           "is not a pattern",
		"quay.io//a":              "is not a pattern",
		"quay.io/a/":              "is not a pattern",
		"quay.io/a b":             "is not a pattern",
		"https://quay.io/a/b":     "is not a pattern",
		"quay.io/a(b|c)":          "is not a pattern",
		"docker.io/library/*:lat": "has a tag or a digest",
	} {
		if err := CheckPattern(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", bad, err, want)
		}
	}
}

func TestNewImage(t *testing.T) {
	for name, want := range map[string]Image{
		"quay.io/a/b:1":                      {"quay.io/a/b", "1", digestA},
		"r.example:5000/a":                   {"r.example:5000/a", "", digestA},
		"r.example:5000/a:1":                 {"r.example:5000/a", "1", digestA},
		"quay.io/a/b:1@" + digestA:           {"quay.io/a/b", "", digestA},
		"quay.io/a/b@" + digestA:             {"quay.io/a/b", "", digestA},
		"oci:/media/x:app:1":                 {"oci:/media/x:app", "1", digestA},
		"oci:/media/x:ns/app:1":              {"oci:/media/x:ns/app", "1", digestA},
		"oci:/media/x:ns/app:1@" + digestA:   {"oci:/media/x:ns/app", "", digestA},
		"oci:/media/x:ns/app@" + digestA:     {"oci:/media/x:ns/app", "", digestA},
		"[2001:db8::1]:5000/ns/app:1.2-3_4.": {"[2001:db8::1]:5000/ns/app", "1.2-3_4.", digestA},
	} {
		if diff := cmp.Diff(want, NewImage(name, digestA)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
}

// A proofOf proves the images that it lists by digest, and counts how often it is asked.
type proofOf struct {
	digests string
	asked   int
	err     error
}

func (p *proofOf) Check(_ context.Context, im Image) error {
	p.asked++
	if strings.Contains(p.digests, im.Digest) {
		return nil
	}
	return p.err
}

func TestPolicy(t *testing.T) {
	proof := &proofOf{digests: digestA, err: errors.New("there is no signature of it")}
	rules := []Rule{
		{Images: NewPattern("quay.io/mine/free"), Name: "unsigned"},
		{Images: NewPattern("quay.io/mine/**"), Proof: proof, Name: "key a.pub", Mark: "a"},
		{Images: NewPattern("quay.io/**"), Name: "unsigned"},
	}
	p, err := NewPolicy(rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := NewImage("quay.io/mine/app:1", digestA), NewImage("quay.io/mine/app:1", digestB)
	for range 2 {
		if err := p.Check(t.Context(), good); err != nil {
			t.Error(err)
		}
	}
	if proof.asked != 1 {
		t.Errorf("asked %d times", proof.asked)
	}
	err = p.Check(t.Context(), bad)
	if want := "quay.io/mine/app:1 is not trusted: there is no signature of it; the rule is quay.io/mine/** (key a.pub)"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	for _, name := range []string{"quay.io/mine/free:1", "quay.io/x:1"} {
		if err := p.Check(t.Context(), NewImage(name, digestB)); err != nil || p.Verdict(NewImage(name, digestB)) != "" {
			t.Error(err)
		}
	}
	err = p.Check(t.Context(), NewImage("docker.io/library/x:1", digestA))
	if err == nil || !strings.Contains(err.Error(), "no rule of signatures.trust matches it") || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
	if got := p.Unmatched([]Image{good, NewImage("quay.io/x:1", digestA)}); !cmp.Equal(got, []string{"quay.io/mine/free"}) {
		t.Errorf("idle rules %q", got)
	}
	if p.Verdict(bad) != "" || !strings.HasPrefix(p.Verdict(good), "quay.io/mine/app:1@"+digestA+" by ") {
		t.Errorf("verdicts %q and %q", p.Verdict(bad), p.Verdict(good))
	}
}

// A verdict holds for one image, digest, rule and key, and no other.
func TestPolicyRemembers(t *testing.T) {
	im := NewImage("quay.io/mine/app:1", digestA)
	rule := Rule{Images: NewPattern("quay.io/mine/**"), Proof: &proofOf{digests: digestA}, Mark: "key a"}
	first, err := NewPolicy([]Rule{rule}, nil)
	if err != nil || first.Check(t.Context(), im) != nil {
		t.Fatal(err)
	}
	verdict := first.Verdict(im)
	for name, tt := range map[string]struct {
		im    Image
		rule  Rule
		asked int
	}{
		"the same":        {im, rule, 0},
		"another digest":  {NewImage("quay.io/mine/app:1", digestB), rule, 1},
		"another tag":     {NewImage("quay.io/mine/app:2", digestA), rule, 1},
		"by its digest":   {NewImage("quay.io/mine/app@"+digestA, digestA), rule, 1},
		"another image":   {NewImage("quay.io/mine/b:1", digestA), rule, 1},
		"another key":     {im, Rule{Images: rule.Images, Mark: "key b"}, 1},
		"another pattern": {im, Rule{Images: NewPattern("quay.io/**"), Mark: "key a"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			proof := &proofOf{digests: digestA + digestB}
			tt.rule.Proof = proof
			p, err := NewPolicy([]Rule{tt.rule}, []string{verdict, "garbage", ""})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(t.Context(), tt.im); err != nil || proof.asked != tt.asked {
				t.Errorf("asked %d times, want %d; %v", proof.asked, tt.asked, err)
			}
		})
	}
	if _, err := NewPolicy([]Rule{{}}, nil); err == nil {
		t.Error("a rule without a pattern is taken")
	}
}

// A registry that cannot be reached says nothing about an image.
func TestPolicyWithoutAnAnswer(t *testing.T) {
	for _, cause := range []error{fault.AsConnection(errors.New("no route to host")), context.Canceled} {
		p, err := NewPolicy([]Rule{{Images: NewPattern("**"), Proof: &proofOf{err: cause}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Check(t.Context(), NewImage("quay.io/a:1", digestA))
		var refused *RefusedError
		if !errors.Is(err, cause) || errors.As(err, &refused) {
			t.Errorf("got %v", err)
		}
	}
}

func TestFindings(t *testing.T) {
	var f Findings
	if err := f.Err("in the store"); err.Error() != "there is no signature of it in the store" {
		t.Errorf("got %v", err)
	}
	for range maxReasons + 2 {
		f.Add("signature 1", errors.New("it is wrong"))
	}
	if err := f.Err(""); strings.Count(err.Error(), "it is wrong") != maxReasons || !strings.HasSuffix(err.Error(), "; and 2 more") {
		t.Errorf("got %v", err)
	}
}
