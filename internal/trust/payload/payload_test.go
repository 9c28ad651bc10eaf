package payload

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/trust"
)

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func document(typ, digest, reference string) string {
	return fmt.Sprintf(`{"critical":{"type":%q,"image":{"docker-manifest-digest":%q},"identity":{"docker-reference":%q}},"optional":{"creator":"x","timestamp":1}}`, typ, digest, reference)
}

func TestParse(t *testing.T) {
	good := document(Atomic, digest, "quay.io/a/b:1")
	for name, text := range map[string]string{"": good, "without optional": strings.Replace(good, `,"optional":{"creator":"x","timestamp":1}`, "", 1), "null": strings.Replace(good, `{"creator":"x","timestamp":1}`, "null", 1)} {
		if p, err := Parse([]byte(text)); err != nil || p != (Payload{Atomic, digest, "quay.io/a/b:1"}) {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":             "",
		"a list":              "[]",
		"a page":              "<html>",
		"another key":         strings.Replace(good, `"critical"`, `"x":1,"critical"`, 1),
		"another case":        strings.Replace(good, `"docker-manifest-digest"`, `"Docker-Manifest-Digest"`, 1),
		"a key twice":         strings.Replace(good, `"docker-manifest-digest"`, `"docker-manifest-digest":"sha256:x","docker-manifest-digest"`, 1),
		"critical twice":      strings.Replace(good, `"critical"`, `"critical":{},"critical"`, 1),
		"no digest":           strings.Replace(good, `"docker-manifest-digest":"`+digest+`"`, "", 1),
		"a digest of numbers": strings.Replace(good, `"`+digest+`"`, "1", 1),
		"no identity":         strings.Replace(good, `"docker-reference":"quay.io/a/b:1"`, "", 1),
		"an identity of null": strings.Replace(good, `"quay.io/a/b:1"`, "null", 1),
		"more behind it":      good + "{}",
		"cut":                 good[:len(good)-1],
		"nested":              strings.Repeat(`{"critical":`, 100000),
	} {
		if p, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: got %+v", name, p)
		}
	}
}

func TestCheck(t *testing.T) {
	canonical := func(name string) string {
		rest, ok := strings.CutPrefix(name, "docker.io/")
		if ok && !strings.Contains(rest, "/") {
			return "docker.io/library/" + rest
		}
		return name
	}
	for name, tt := range map[string]struct {
		image, reference string
		tag, repository  bool // whether the name and the repository are right
	}{
		"the same tag":            {"quay.io/a/b:1", "quay.io/a/b:1", true, true},
		"another tag":             {"quay.io/a/b:1", "quay.io/a/b:2", false, true},
		"no tag":                  {"quay.io/a/b:1", "quay.io/a/b", false, true},
		"by digest":               {"quay.io/a/b@" + digest, "quay.io/a/b:2", true, true},
		"by tag and digest":       {"quay.io/a/b:1@" + digest, "quay.io/a/b:2", true, true},
		"another repository":      {"quay.io/a/b:1", "quay.io/a/c:1", false, false},
		"its beginning":           {"quay.io/a/b:1", "quay.io/a:1", false, false},
		"another registry":        {"quay.io/a/b:1", "quay.example/a/b:1", false, false},
		"another one, by digest":  {"quay.io/a/b@" + digest, "quay.io/a/c:1", false, false},
		"Docker Hub's short name": {"docker.io/library/alpine:3", "alpine:3", true, true},
		"Docker Hub's other name": {"docker.io/a/b:3", "a/b:3", true, true},
		"nothing":                 {"docker.io/library/alpine:3", "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			im := trust.NewImage(tt.image, digest)
			p := Payload{Atomic, digest, tt.reference}
			if err := p.CheckName(im, canonical); (err == nil) != tt.tag {
				t.Errorf("the name: got %v", err)
			}
			if err := p.CheckRepository(im, canonical); (err == nil) != tt.repository {
				t.Errorf("the repository: got %v", err)
			}
		})
	}
	im := trust.NewImage("quay.io/a/b:1", digest)
	if err := (Payload{Atomic, digest, ""}).CheckDigest(Atomic, im); err != nil {
		t.Error(err)
	}
	if err := (Payload{Cosign, digest, ""}).CheckDigest(Atomic, im); err == nil {
		t.Error("another type is taken")
	}
	if err := (Payload{Atomic, strings.Replace(digest, "a", "b", 1), ""}).CheckDigest(Atomic, im); err == nil {
		t.Error("another digest is taken")
	}
}
