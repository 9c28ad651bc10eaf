package registry

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// A name without a host is refused, with the whole name where Docker Hub may have it.
func TestNamesWithoutAHost(t *testing.T) {
	for name, want := range map[string]string{
		"busybox:1.36":     "if it is an image of Docker Hub, write docker.io/library/busybox:1.36",
		"grafana/loki:3":   "if it is an image of Docker Hub, write docker.io/grafana/loki:3",
		"undercloud/a:1":   "if it is an image of Docker Hub, write docker.io/undercloud/a:1",
		"busybox":          "", // no list takes a name without a tag
		"undercloud/a/b:1": "", // Docker Hub has no such names
		"APP:1":            "",
		"127.0.0.1:5000":   "", // a host without a path
		"example.com:443":  "",
		"":                 "",
	} {
		_, _, _, err := Split(name)
		if err == nil || fault.Hint(err) != want {
			t.Errorf("%q: %v, hint %q, want %q", name, err, fault.Hint(err), want)
		}
	}
}

// What is wrong after the host is told by its kind.
func TestMalformedReferences(t *testing.T) {
	const digest = "@sha256:3152ce1b68857c123f00135f1b863f4c97145853947f7b3f8fbda0985237174f"
	for name, want := range map[string]string{
		"q.io/App:1":           "has upper-case letters before its tag",
		"q.io/a/B" + digest:    "has upper-case letters before its tag",
		"q.io/a/":              "has a slash with no name beside it",
		"q.io/a//b:1":          "has a slash with no name beside it",
		"q.io//a":              "has a slash with no name beside it",
		"q.io/a-{b,c}:1":       `has "{" before its tag`,
		"q.io/a?":              `has "?" before its tag`,
		"q.io/a b:1":           `has " " before its tag`,
		"q.io/ä:1":             `has "ä" before its tag`,
		"q.io/a:":              "has no tag after its colon",
		"q.io/a:" + digest:     "has no tag after its colon",
		"q.io/a:v 1":           `"v 1" is not a tag`,
		"q.io/a:-1":            `"-1" is not a tag`,
		"q.io/a:v1+build":      `"v1+build" is not a tag`,
		"q.io/a.-b:1":          "is not of the form host/path:tag",
		"q.io/a@sha256:0123":   "is not of the form host/path:tag",
		"q.io/a:1@latest":      "is not of the form host/path:tag",
		"localhost:5000/a/b:x": "",
	} {
		_, _, _, err := Split(name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}
