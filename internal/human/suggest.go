package human

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxSuggest is the length of the longest name that Suggest compares, in bytes.
const maxSuggest = 64

// shortWord is the length of a word of which nearly every other short word is a few edits away.
const shortWord = 4

// Suggest returns the known name that got most likely is a misspelling of, or else one that
// other programs call so, or "" when there is none. The closest name needs the fewest edits:
// insertions, deletions, replacements and swaps of neighbours. A name is close up to one edit
// plus one for every three characters of got, and below the length of got. Several edits of a
// short word leave its first letter.
func Suggest(got string, known []string) string {
	if got == "" || len(got) > maxSuggest {
		return ""
	}
	want := fold(got)
	best, least := "", utf8.RuneCountInString(got)/3+1
	for _, name := range known {
		if abs(len(name)-len(got)) > least+2 {
			continue
		}
		is := fold(name)
		d := distance(want, is)
		switch {
		case d >= len(want), d > 1 && len(want) <= shortWord && is[0] != want[0]:
		case d < least, d == least && best == "":
			best, least = name, d
		}
	}
	switch {
	case best == got:
		return ""
	case best == "":
		if name := longer(string(want), known); name != "" {
			return name
		}
		return otherWord(string(want), known)
	}
	return best
}

// sameWords are words for one thing, as bayplan and other programs say them, without their
// underscores.
var sameWords = [...]string{
	"needs dependson depends after requires require",
	"when if condition onlyif",
	"foreach loop withitems matrix",
	"type kind uses module",
	"host url server endpoint",
	"project tenant projectname tenantname",
	"tls insecure tlsverify skiptlsverify ssl https",
	"to dest destination target",
	"from src source",
	"ca cacert cafile",
	"into dir directory path",
	"diff plan preview dryrun check",
	"apply run deploy sync up",
	"validate check lint",
	"status list ls ps",
	"history log logs",
	"init new create",
	"quiet silent",
}

// otherWord returns the known name that means what a folded name does in other programs.
func otherWord(want string, known []string) string {
	want = strings.ReplaceAll(want, "_", "")
	for _, group := range sameWords {
		words := strings.Fields(group)
		if !slices.Contains(words, want) {
			continue
		}
		for _, name := range known {
			if slices.Contains(words, strings.ReplaceAll(string(fold(name)), "_", "")) {
				return name
			}
		}
	}
	return ""
}

// longer returns the known name with which a folded name begins, or which begins with
// it, such as user for username. The shorter one is at least half of the longer one.
func longer(want string, known []string) string {
	const least = 4 // letters that are enough to tell
	for _, name := range known {
		short, long := string(fold(name)), want
		if len(short) > len(long) {
			short, long = long, short
		}
		if len(short) >= least && 2*len(short) >= len(long) && len(short) < len(long) && strings.HasPrefix(long, short) {
			return name
		}
	}
	return ""
}

// YesOrNo returns the one of several words that says yes, or the one that says no, if a text
// says that with another word, as false for disabled; or "".
func YesOrNo(text string, words []string) string {
	yes, no := "true yes on enabled always verify", "false no off disabled none never ignore"
	for _, group := range [...][]string{strings.Fields(yes), strings.Fields(no)} {
		if !slices.Contains(group, strings.ToLower(text)) {
			continue
		}
		for _, word := range words {
			if slices.Contains(group, word) {
				return word
			}
		}
	}
	return ""
}

// OneEdit reports whether two names differ in letter case and at most one edit.
func OneEdit(a, b string) bool {
	return len(a) <= maxSuggest && abs(len(a)-len(b)) <= 1 && distance(fold(a), fold(b)) <= 1
}

// DidYouMean returns the hint for an unknown name: a question that suggests the
// closest known name, or "" when no name is close.
func DidYouMean(got string, known []string) string {
	if name := Suggest(got, known); name != "" {
		return "did you mean " + name + "?"
	}
	return ""
}

// fold ignores differences that people confuse: case, and - with _.
func fold(s string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(s), "-", "_"))
}

func abs(n int) int { return max(n, -n) }

// distance returns the number of edits between a and b (optimal string alignment).
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
