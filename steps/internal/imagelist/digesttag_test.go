package imagelist

import (
	"strings"
	"testing"
)

func TestTagDigest(t *testing.T) {
	sha256, sha512 := strings.Repeat("0123456789abcdef", 4), strings.Repeat("fedcba9876543210", 8)
	for name, tt := range map[string]struct{ path, tag, want string }{
		"the beginning":        {"ns/a@sha256:" + sha256, "{digest:12}", "ns/a:0123456789ab"},
		"all":                  {"ns/a@sha256:" + sha256, "sha256-{digest}", "ns/a:sha256-" + sha256},
		"of a longer one":      {"ns/a@sha512:" + sha512, "{digest:7}-{digest:2}", "ns/a:fedcba9-fe"},
		"all of a longer one":  {"ns/a@sha512:" + sha512, "{digest}", "ns/a:" + sha512},
		"more than there is":   {"ns/a@sha256:" + sha256, "{digest:999}", "ns/a:" + sha256},
		"a plain text":         {"ns/a@sha256:" + sha256, "pinned", "ns/a:pinned"},
		"a tag stays":          {"ns/a:1", "{digest:12}", "ns/a:1"},
		"without the setting":  {"ns/a@sha256:" + sha256, "", "ns/a@sha256:" + sha256},
		"a registry's own tag": {"a:latest", "x", "a:latest"},
	} {
		if got := TagDigest(tt.path, tt.tag); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
		if err := CheckDigestTag(tt.tag); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckDigestTag(t *testing.T) {
	for tag, want := range map[string]string{
		"{version}":                "nothing else has braces",
		"{digest:.12}":             "nothing else has braces",
		"{digest:0}":               "nothing else has braces",
		"{digest":                  "nothing else has braces",
		"by digest {digest:12}":    "does not make a tag",
		"sha256:{digest:12}":       "does not make a tag",
		"-{digest:12}":             "does not make a tag",
		"{digest}-{digest}":        "does not make a tag",
		strings.Repeat("long", 40): "does not make a tag",
	} {
		if err := CheckDigestTag(tag); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", tag, err, want)
		}
	}
}
