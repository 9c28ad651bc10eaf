package version

import (
	"cmp"
	"slices"
	"strings"
)

// A token is a part of what follows the release: a word, or a number.
type token struct {
	rank  int
	order int    // of a pre-release among the pre-releases
	text  string // of a number its digits
}

func (t token) compare(u token) int {
	c := cmp.Or(cmp.Compare(t.rank, u.rank), cmp.Compare(t.order, u.order))
	if c == 0 && t.rank == rankNumber {
		return compareDigits(t.text, u.text)
	}
	return cmp.Or(c, cmp.Compare(t.text, u.text))
}

// The ranks of tokens, in the order of versions. The tokens of a version end with
// one of rankEnd, so that a version has its place among the longer ones.
const (
	rankTilde   = iota // 1.0~
	rankDev            // 1.0.dev9
	rankPre            // 1.0rc1
	rankVariant        // 1.0-alpine
	rankEnd            // 1.0
	rankLocal          // 1.0+x
	rankPost           // 1.0.post1, 1.0-1
	rankWord           // 1.0.2k, 1.0-1ubuntu1
	rankText           // the x of +x
	rankNumber         // the 1 of rc1
	rankNext           // the beta of alpha.beta
)

// preReleases has the order of the words for pre-releases.
var preReleases = map[string]int{
	"alpha": 1, "a": 1,
	"beta": 2, "b": 2,
	"milestone": 3, "m": 3, "ec": 3, // OpenShift's candidates of engineers: 4.14.0-ec.1
	"rc": 4, "c": 4, "cr": 4, "pre": 4, "preview": 4, "candidate": 4, "prerelease": 4,
	"snapshot": 5,
}

var (
	devWords = []string{
		"dev", "devel", "develop", "development", "nightly", "daily", "canary", "unstable", "next", "ea",
		"test", "testing", "experimental", "edge", "trunk", "wip", "draft",
	}
	postWords = []string{"post", "rev", "r", "build", "p", "pl", "patch", "sp", "sr", "sec", "cp", "fix", "hf", "hotfix"}
	// Words that say nothing: 1.0.Final is 1.0.
	finalWords = []string{"final", "ga", "release", "stable"}
)

// known gives the token of a word that has a meaning. A final word has the rank
// rankEnd.
func known(word string, digitsFollow bool) (token, bool) {
	word = strings.ToLower(word)
	switch {
	case slices.Contains(devWords, word):
		return token{rank: rankDev}, true
	case preReleases[word] > 0 && (word != "m" || digitsFollow):
		return token{rank: rankPre, order: preReleases[word]}, true
	case slices.Contains(postWords, word):
		return token{rank: rankPost}, true
	case slices.Contains(finalWords, word):
		return token{rank: rankEnd}, true
	}
	return token{}, false
}

// isPrePrefix reports whether a word before a version says that it is not a release,
// as in app-dev-1.0. A single letter says nothing there: b4567 is build 4567.
func isPrePrefix(prefix string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(prefix, func(r rune) bool { return strings.ContainsRune(separators, r) }), func(word string) bool {
		t, ok := known(word, false)
		return ok && len(word) > 1 && (t.rank == rankDev || t.rank == rankPre)
	})
}
