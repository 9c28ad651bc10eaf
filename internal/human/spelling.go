package human

import (
	"strings"
	"unicode"
)

// Misspells reports whether a name is probably a known one, misspelled. Names that differ in their
// digits are two names.
func Misspells(name, known string) bool {
	letters := func(s string) string { return strings.Map(dropDigit, s) }
	return OneEdit(name, known) && letters(name) != letters(known)
}

func dropDigit(r rune) rune {
	if unicode.IsDigit(r) {
		return -1
	}
	return r
}

// leastWord is the length of the shortest word in which one letter more, less or other is taken
// for a misspelling.
const leastWord = 4

// OneLetter reports whether two paths differ by one letter that is more, less or another, or by two
// that are swapped, in a word of some length. Those that differ by a digit are two paths.
func OneLetter(a, b string) bool {
	if a == b {
		return false
	}
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < min(len(a), len(b))-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	onlyA, onlyB := a[start:len(a)-end], b[start:len(b)-end]
	isLetters := func(s string) bool {
		return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
	}
	swapped := len(onlyA) == 2 && len(onlyB) == 2 && onlyA[0] == onlyB[1] && onlyA[1] == onlyB[0]
	if len(onlyA) > 1 && !swapped || len(onlyB) > 1 && !swapped || !isLetters(onlyA) || !isLetters(onlyB) {
		return false
	}
	return max(wordAround(a, start), wordAround(b, start)) >= leastWord
}

// wordAround gives the length of the word of letters in which a place of a text lies.
func wordAround(text string, at int) int {
	isEnd := func(r rune) bool { return !unicode.IsLetter(r) }
	from := strings.LastIndexFunc(text[:at], isEnd) + 1
	to := strings.IndexFunc(text[at:], isEnd)
	if to < 0 {
		to = len(text) - at
	}
	return at + to - from
}
