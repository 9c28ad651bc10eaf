package registry

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

var (
	versionForm  = regexp.MustCompile(`^v?[0-9]`)
	versionParts = regexp.MustCompile(`[0-9]+|[A-Za-z]+|~`)
	beforeIt     = []string{"alpha", "beta", "dev", "pre", "preview", "rc", "snapshot"}
)

// newestFirst sorts tags by version. Numbers compare as numbers, and a
// pre-release comes before its version. Tags that are not versions come last.
func newestFirst(tags []string) {
	slices.SortFunc(tags, func(a, b string) int { return CompareVersions(b, a) })
}

// CompareVersions compares two tags by version. The newer one is greater.
func CompareVersions(a, b string) int {
	switch va, vb := versionForm.MatchString(a), versionForm.MatchString(b); {
	case va != vb && va:
		return 1
	case va != vb:
		return -1
	case !va:
		return cmp.Compare(a, b)
	}
	as, bs := versionParts.FindAllString(strings.TrimPrefix(a, "v"), -1), versionParts.FindAllString(strings.TrimPrefix(b, "v"), -1)
	for i := range max(len(as), len(bs)) {
		if c := compareParts(partAt(as, i), partAt(bs, i)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a, b) // the order must not depend on the registry's
}

func partAt(parts []string, i int) string {
	if i < len(parts) {
		return parts[i]
	}
	return ""
}

// compareParts compares by rank first: a tilde, words like rc, the end, other
// words, numbers.
func compareParts(a, b string) int {
	if c := cmp.Compare(rank(a), rank(b)); c != 0 || rank(a) < 4 {
		return cmp.Or(c, cmp.Compare(a, b))
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func rank(part string) int {
	switch {
	case part == "~":
		return 0
	case part == "":
		return 2
	case part[0] >= '0' && part[0] <= '9':
		return 4
	case slices.Contains(beforeIt, strings.ToLower(part)):
		return 1
	}
	return 3
}
