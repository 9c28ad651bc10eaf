package human

import (
	"strings"
	"unicode/utf8"
)

// maxSuggest is the longest name that a nearest one is looked for.
const maxSuggest = 64

// Suggest gives the name among the given ones that got most likely stands for,
// or "" when none is near: the fewest insertions, deletions, replacements and
// swaps of neighbours, at most a third of the name.
func Suggest(got string, among []string) string {
	if got == "" || len(got) > maxSuggest {
		return ""
	}
	want := fold(got)
	best, least := "", utf8.RuneCountInString(got)/3+1
	for _, name := range among {
		if abs(len(name)-len(got)) > least+2 {
			continue
		}
		d := distance(want, fold(name))
		if d < len(want) && (d < least || (d == least && best == "")) {
			best, least = name, d
		}
	}
	if best == got {
		return ""
	}
	return best
}

// DidYouMean is the hint for a name that is not among the ones there are: a
// question that names the nearest one, or "" when none is near.
func DidYouMean(got string, among []string) string {
	if near := Suggest(got, among); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// fold makes equal what people confuse: case, and - with _.
func fold(s string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(s), "-", "_"))
}

func abs(n int) int { return max(n, -n) }

// distance counts the edits between a and b (optimal string alignment).
func distance(a, b []rune) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
