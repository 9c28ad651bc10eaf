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
		"quay.io/a/":              "ends in a slash",
		"quay.io/a b":             "is not a pattern",
		"https://quay.io/a/b":     "begins with a scheme",
		"quay.io/a(b|c)":          "is not a pattern",
		"docker.io/library/*:lat": "has a tag or a digest",
	} {
		if err := CheckPattern(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", bad, err, want)
		}
	}
}

func TestCheckSignedAs(t *testing.T) {
	for _, good := range []string{"", "registry.redhat.io/", "registry.redhat.io/rhosp13/openstack-", "localhost/a", "quay.io:443/mine/app"} {
		if err := CheckSignedAs("mirror.example/redhat/**", good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"registry.redhat.io":     "has no slash after the host",
		"https://quay.io/mine/":  "begins with a scheme",
		"redhat/":                "does not begin with a registry's host",
		"registry.redhat.io/*":   "is not the beginning of a repository's name",
		"registry.redhat.io/a:1": "is not the beginning of a repository's name",
		"quay.io/a@" + digestA:   "is not the beginning of a repository's name",
	} {
		if err := CheckSignedAs("mirror.example/redhat/**", bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", bad, err, want)
		}
	}
	if err := CheckSignedAs("**/ubi9", "registry.redhat.io/"); err == nil {
		t.Error("a pattern without a beginning is taken")
	}
	if err := CheckSignedAs("", "registry.redhat.io/"); err != nil {
		t.Errorf("a pattern that is not known yet: %v", err)
	}
}

// A proof is asked about the name that the signatures must have.
func TestSignedAs(t *testing.T) {
	for name, tt := range map[string]struct{ pattern, signedAs, repository, want string }{
		"its own":           {"mirror.example/**", "", "mirror.example/redhat/ubi9", "mirror.example/redhat/ubi9"},
		"a directory":       {"mirror.example/redhat/**", "registry.redhat.io/", "mirror.example/redhat/ubi9/python", "registry.redhat.io/ubi9/python"},
		"part of a name":    {"mirror.example/os/nova-*", "registry.redhat.io/rhosp13/openstack-nova-", "mirror.example/os/nova-api", "registry.redhat.io/rhosp13/openstack-nova-api"},
		"one repository":    {"mirror.example/app", "quay.io/mine/app", "mirror.example/app", "quay.io/mine/app"},
		"a layout":          {"oci:/media/site:**", "", "oci:/media/site:ubi9", ""},
		"a layout, renamed": {"oci:/media/site:**", "registry.redhat.io/", "oci:/media/site:ubi9", "registry.redhat.io/ubi9"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewPolicy([]Rule{{Images: NewPattern(tt.pattern), SignedAs: tt.signedAs, Proof: seesName(tt.want)}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			im := Image{Repository: tt.repository, Tag: "1", Digest: digestA}
			if err := p.Check(t.Context(), im); err != nil {
				t.Error(err)
			}
			if v := p.Verdict(im); !strings.HasPrefix(v, tt.repository+":1@") {
				t.Errorf("verdict %q", v)
			}
		})
	}
}

// seesName is a proof for images whose signatures must have this name.
type seesName string

func (s seesName) Check(_ context.Context, im Image) error {
	if im.Signed() != string(s) {
		return errors.New("it is to be signed as " + im.Signed())
	}
	return nil
}

func TestNewImage(t *testing.T) {
	for name, want := range map[string]Image{
		"quay.io/a/b:1":                      {Repository: "quay.io/a/b", Tag: "1", Digest: digestA},
		"r.example:5000/a":                   {Repository: "r.example:5000/a", Tag: "", Digest: digestA},
		"r.example:5000/a:1":                 {Repository: "r.example:5000/a", Tag: "1", Digest: digestA},
		"quay.io/a/b:1@" + digestA:           {Repository: "quay.io/a/b", Tag: "", Digest: digestA},
		"quay.io/a/b@" + digestA:             {Repository: "quay.io/a/b", Tag: "", Digest: digestA},
		"oci:/media/x:app:1":                 {Repository: "oci:/media/x:app", Tag: "1", Digest: digestA},
		"oci:/media/x:ns/app:1":              {Repository: "oci:/media/x:ns/app", Tag: "1", Digest: digestA},
		"oci:/media/x:ns/app:1@" + digestA:   {Repository: "oci:/media/x:ns/app", Tag: "", Digest: digestA},
		"oci:/media/x:ns/app@" + digestA:     {Repository: "oci:/media/x:ns/app", Tag: "", Digest: digestA},
		"[2001:db8::1]:5000/ns/app:1.2-3_4.": {Repository: "[2001:db8::1]:5000/ns/app", Tag: "1.2-3_4.", Digest: digestA},
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
