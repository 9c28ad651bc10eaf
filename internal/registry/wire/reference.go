package wire

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

var (
	tagPattern        = lazyregexp.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	notInRepositories = lazyregexp.New(`[^a-z0-9._/-]`)
	upperCase         = lazyregexp.New(`[A-Z]`)
)

// MalformedReference says what is wrong with path, which follows the host in the reference s.
func MalformedReference(s, path string) error {
	name, _, _ := strings.Cut(path, "@")
	name, tag, tagged := strings.Cut(name, ":")
	other := notInRepositories.FindString(name)
	switch {
	case upperCase.MatchString(name):
		return fmt.Errorf("image reference %q has upper-case letters before its tag, which no repository has", s)
	case other != "":
		return fmt.Errorf("image reference %q has %q before its tag, which no repository has", s, other)
	case strings.Contains("/"+name+"/", "//"):
		return fmt.Errorf("image reference %q has a slash with no name beside it", s)
	case tagged && tag == "":
		return fmt.Errorf("image reference %q has no tag after its colon", s)
	case tagged && !tagPattern.MatchString(tag):
		return fmt.Errorf("image reference %q: %q is not a tag: letters, digits, _, . and - are allowed in it, at most 128 of them", s, tag)
	}
	return fmt.Errorf("image reference %q is not of the form host/path:tag", s)
}
