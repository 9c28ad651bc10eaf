package trust

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A Pattern is a text in which ** stands for any text, * for any text without a
// slash, and ? for one character that is not a slash. It is matched against the
// whole of another text.
type Pattern struct {
	text string
	expr *regexp.Regexp // nil: matches nothing
}

// NewPattern makes a pattern. Every text that is not empty is one.
func NewPattern(text string) Pattern {
	if text == "" {
		return Pattern{}
	}
	var expr strings.Builder
	crossing := false // the last character was the first of two *
	runes := []rune(text)
	for i, r := range runes {
		switch {
		case crossing:
			crossing = false
		case r == '*' && i+1 < len(runes) && runes[i+1] == '*':
			crossing = true
			expr.WriteString(`.*`)
		case r == '*':
			expr.WriteString(`[^/]*`)
		case r == '?':
			expr.WriteString(`[^/]`)
		default:
			expr.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return Pattern{text, regexp.MustCompile(`(?s)\A(?:` + expr.String() + `)\z`)}
}

// String returns the text of the pattern.
func (p Pattern) String() string { return p.text }

// Matches reports whether the pattern matches the whole text.
func (p Pattern) Matches(text string) bool { return p.expr != nil && p.expr.MatchString(text) }

// Beginning returns the text before the first character of the pattern that stands for
// others.
func (p Pattern) Beginning() string {
	if i := strings.IndexAny(p.text, "*?"); i >= 0 {
		return p.text[:i]
	}
	return p.text
}

// CheckSignedAs checks the text that takes the place of a pattern's beginning. An empty
// one passes.
func CheckSignedAs(pattern, text string) error {
	host, path, hasPath := strings.Cut(text, "/")
	switch {
	case text == "":
		return nil
	case strings.Contains(text, "://"):
		return withScheme(text)
	case strings.ContainsAny(text, "*?@") || strings.Contains(path, ":"):
		return fmt.Errorf("%q is not the beginning of a repository's name", text)
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		return withoutHost(text)
	case !hasPath:
		return fault.WithHint(fmt.Errorf("%q has no slash after the host", text), "write "+text+"/")
	case pattern != "" && NewPattern(pattern).Beginning() == "":
		return fmt.Errorf("nothing takes its place: the pattern %q begins with no text", pattern)
	}
	return nil
}

var repositoryPattern = lazyregexp.New(`^[A-Za-z0-9._\-:\[\]*?]+(/[a-z0-9._\-*?]+)*$`)

// CheckPattern checks the pattern of a rule, which is matched against repositories with
// their hosts. An empty one passes.
func CheckPattern(text string) error {
	host, path, hasPath := strings.Cut(text, "/")
	last := text[strings.LastIndexByte(text, '/')+1:]
	switch {
	case text == "":
		return nil
	case strings.HasPrefix(text, layoutPrefix):
		return nil // a path may have any characters
	case strings.Contains(text, "://"):
		return withScheme(text)
	case strings.Contains(text, "***"):
		return fmt.Errorf("%q has three * in a row; ** crosses slashes, and * does not", text)
	case strings.Contains(text, "@") || hasPath && strings.Contains(last, ":"):
		return fault.WithHint(fmt.Errorf("%q has a tag or a digest; a rule is for repositories", text), "write it without them")
	case !hasPath && !strings.Contains(text, "**"):
		return withoutHost(text)
	case hasPath && !strings.ContainsAny(host, ".:*?") && host != "localhost":
		return withoutHost(text)
	case strings.HasSuffix(text, "/"):
		return fault.WithHint(fmt.Errorf("%q ends in a slash, and no repository does", text), "write "+text+"** for all repositories under it")
	case strings.ToLower(path) != path:
		return fmt.Errorf("%q matches no repository: their names have no upper-case letters", text)
	case !repositoryPattern.MatchString(text):
		return fmt.Errorf("%q is not a pattern of the form host/path with *, ** and ?", text)
	}
	return nil
}

func withScheme(text string) error {
	_, name, _ := strings.Cut(text, "://")
	return fault.WithHint(fmt.Errorf("%q begins with a scheme", text), "write "+name)
}

func withoutHost(text string) error {
	return fault.WithHint(fmt.Errorf("%q does not begin with a registry's host and a slash", text),
		"write docker.io/library/NAME for an image of Docker Hub, and ** for all repositories")
}

var errNoPattern = errors.New("a rule without a pattern")
