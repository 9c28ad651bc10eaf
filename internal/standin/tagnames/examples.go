package tagnames

import (
	"regexp/syntax"
	"strings"
	"unicode"

	"github.com/bayplan/bayplan/internal/tagselect"
)

// Examples gives up to n different texts of which an expression matches all. It gives
// fewer where it finds no more, and none for an expression that is not valid.
func Examples(pattern string, n int) []string {
	whole, err := tagselect.Pattern(pattern)
	if err != nil {
		return nil
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	var found []string
	seen := map[string]bool{}
	for variant := range 3 * n {
		e := example{variant: variant}
		e.write(tree)
		if text := e.text.String(); !seen[text] && whole.MatchString(text) {
			seen[text] = true
			found = append(found, text)
		}
		if len(found) == n {
			break
		}
	}
	return found
}

// An example is a text that is being made. Its choices follow from its variant and from
// how many choices were made before.
type example struct {
	text    strings.Builder
	variant int
	choices int
}

// maxExample bounds the length of a text: no tag is longer.
const maxExample = 128

// choose gives a number below n.
func (e *example) choose(n int) int {
	e.choices++
	// The last choices change fastest, as the digits of a counter do.
	return (e.variant + e.variant/n*(e.choices-1)) % n
}

func (e *example) write(re *syntax.Regexp) {
	if e.text.Len() > maxExample {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			e.text.WriteRune(r)
		}
	case syntax.OpCharClass:
		e.writeOneOf(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		e.text.WriteByte("123456789"[e.choose(9)])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			e.write(sub)
		}
	case syntax.OpAlternate:
		e.write(re.Sub[e.choose(len(re.Sub))])
	case syntax.OpStar:
		e.repeat(re.Sub[0], 0, 3)
	case syntax.OpPlus:
		e.repeat(re.Sub[0], 1, 3)
	case syntax.OpQuest:
		e.repeat(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		most := re.Max
		if most < 0 {
			most = re.Min + 2
		}
		e.repeat(re.Sub[0], re.Min, most)
	}
}

func (e *example) repeat(re *syntax.Regexp, least, most int) {
	for range least + e.choose(most-least+1) {
		e.write(re)
	}
}

// writeOneOf writes a character of a class: one that a tag may have, if there is one.
func (e *example) writeOneOf(ranges []rune) {
	var good []rune
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= min(ranges[i+1], unicode.MaxASCII); r++ {
			if r < unicode.MaxASCII && (unicode.IsDigit(r) || unicode.IsLower(r)) {
				good = append(good, r)
			}
		}
	}
	if len(good) == 0 && len(ranges) > 0 {
		good = ranges[:1]
	}
	if len(good) > 0 {
		e.text.WriteRune(good[e.choose(len(good))])
	}
}
