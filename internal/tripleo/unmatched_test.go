package tripleo_test

import (
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/tripleo"
)

// An expression of one's own that matches no image is an error with what was near.
func TestUnmatchedExpressions(t *testing.T) {
	none := func(string) (io.ReadCloser, error) { return nil, fs.ErrNotExist }
	for name, tt := range map[string]struct {
		req        tripleo.Request
		want, hint string
	}{
		"includes":                 {tripleo.Request{Release: "train", Includes: regexps("nova-apii")}, `includes[0], "nova-apii", matches none of the `, "did you mean nova-api?"},
		"one of includes":          {tripleo.Request{Release: "wallaby", Includes: regexps("cron", "keyston$")}, `includes[1], "keyston$", matches none of the `, "did you mean keystone?"},
		"excludes":                 {tripleo.Request{Release: "rhosp13", Excludes: regexps("^ceph_foo")}, `excludes[0], "^ceph_foo", matches none of the `, ""},
		"nothing is near":          {tripleo.Request{Release: "train", Includes: regexps("zzzzzz")}, `includes[0], "zzzzzz", matches`, ""},
		"all match":                {tripleo.Request{Release: "train", Includes: regexps("nova-api", "cron")}, "", ""},
		"of services that are off": {tripleo.Request{Release: "rhosp13", Excludes: regexps("manila")}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := tripleo.Select(tt.req, none)
			if err != nil {
				t.Fatal(err)
			}
			check(t, s.Unmatched, tt.want, tt.hint)
		})
	}
	listed := []tripleo.ListedImage{{Name: "quay.io/a/nova-api:1"}, {Name: "quay.io/a/cron:2"}}
	s, err := tripleo.SelectListed(listed, tripleo.Request{Excludes: regexps("crom")})
	if err != nil {
		t.Fatal(err)
	}
	check(t, s.Unmatched, `excludes[0], "crom", matches none of the 2 images`, "did you mean cron?")
}

func check(t *testing.T, err error, want, hint string) {
	t.Helper()
	switch {
	case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want %q", err, want)
	case hint != "" && fault.Hint(err) != hint:
		t.Errorf("hint %q, want %q", fault.Hint(err), hint)
	}
}
