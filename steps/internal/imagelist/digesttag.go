package imagelist

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/registry"
)

// digestField is what stands for the beginning of a digest in the tag of images without one.
var digestField = lazyregexp.New(`\{digest(?::([1-9][0-9]{0,3}))?\}`)

// TagDigest gives a path as PathOf does, with a tag in place of its digest. In the tag
// {digest:12} stands for the first 12 characters of the digest. A path that has a tag stays, and
// without a tag all do.
func TagDigest(path, tag string) string {
	repository, digest, untagged := strings.Cut(path, "@")
	if !untagged || tag == "" {
		return path
	}
	_, hex, _ := strings.Cut(digest, ":")
	return repository + ":" + digestField.ReplaceAllStringFunc(tag, func(field string) string {
		n, err := strconv.Atoi(digestField.FindStringSubmatch(field)[1])
		if err != nil || n > len(hex) {
			return hex
		}
		return hex[:n]
	})
}

// CheckDigestTag checks the tag of images without one. An empty one is not known yet and passes.
func CheckDigestTag(tag string) error {
	if strings.ContainsAny(digestField.ReplaceAllString(tag, ""), "{}") {
		return fmt.Errorf("%q: {digest} stands for the digest there, {digest:12} for its first 12 characters, and nothing else has braces", tag)
	}
	const repository = "a.example/b"
	name := TagDigest(repository+"@sha256:"+strings.Repeat("0", 64), tag)
	if _, _, got, err := registry.Split(name); tag != "" && (err != nil || repository+":"+got != name) {
		return fmt.Errorf("%q does not make a tag: letters, digits, _, . and - are allowed there, at most 128 of them", tag)
	}
	return nil
}
