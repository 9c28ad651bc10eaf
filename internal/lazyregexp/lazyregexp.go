// Package lazyregexp has regular expressions that are compiled at their first use.
//
// bayplan has more than a hundred. To compile all of them takes several milliseconds, which
// every command would wait for at its start; most commands use few of them. So package
// variables have this type, and internal/dev/imports checks that they do.
package lazyregexp

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// A Regexp is a regular expression that is compiled at its first use. Its methods are those
// of regexp.Regexp. It is safe for concurrent use.
type Regexp struct{ compiled func() *regexp.Regexp }

// inTest is true in the programs that go test makes. There every expression is compiled at
// once, so that one which is not valid fails the tests of its package.
var inTest = len(os.Args) > 0 && strings.HasSuffix(os.Args[0], ".test")

// New gives the regular expression that a text has in the syntax of package regexp. The first
// use panics if the text is not valid.
func New(text string) *Regexp {
	r := &Regexp{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
	if inTest {
		r.compiled()
	}
	return r
}

// MatchString tells whether the text contains a match.
func (r *Regexp) MatchString(s string) bool { return r.compiled().MatchString(s) }

// FindString gives the leftmost match, or an empty text.
func (r *Regexp) FindString(s string) string { return r.compiled().FindString(s) }

// FindStringIndex gives the place of the leftmost match, or nil.
func (r *Regexp) FindStringIndex(s string) []int { return r.compiled().FindStringIndex(s) }

// FindStringSubmatch gives the leftmost match and those of its groups, or nil.
func (r *Regexp) FindStringSubmatch(s string) []string { return r.compiled().FindStringSubmatch(s) }

// FindStringSubmatchIndex gives the places of the leftmost match and of its groups, or nil.
func (r *Regexp) FindStringSubmatchIndex(s string) []int {
	return r.compiled().FindStringSubmatchIndex(s)
}

// FindAllString gives up to n matches, or all if n is negative.
func (r *Regexp) FindAllString(s string, n int) []string { return r.compiled().FindAllString(s, n) }

// FindAllStringIndex gives the places of up to n matches, or of all if n is negative.
func (r *Regexp) FindAllStringIndex(s string, n int) [][]int {
	return r.compiled().FindAllStringIndex(s, n)
}

// FindAllStringSubmatch gives up to n matches with their groups, or all if n is negative.
func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.compiled().FindAllStringSubmatch(s, n)
}

// FindAllStringSubmatchIndex gives the places of up to n matches and of their groups, or of
// all if n is negative.
func (r *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return r.compiled().FindAllStringSubmatchIndex(s, n)
}

// ReplaceAllString replaces each match. $1 in the replacement is the first group.
func (r *Regexp) ReplaceAllString(s, replacement string) string {
	return r.compiled().ReplaceAllString(s, replacement)
}

// ReplaceAllStringFunc replaces each match by what a function makes of it.
func (r *Regexp) ReplaceAllStringFunc(s string, replace func(string) string) string {
	return r.compiled().ReplaceAllStringFunc(s, replace)
}
