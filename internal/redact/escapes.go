package redact

import (
	"encoding/hex"
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// maxEscaped is how often a text may be escaped, as JSON within a URL within JSON.
const maxEscaped = 3

// maskEscaped masks the known secrets in a text whose characters are escaped, some or all of
// them: as a URL, JSON, HTML and %q do. Programs differ in what they escape. The caller holds
// the mutex.
func (r *Redactor) maskEscaped(s string) string {
	for times := 1; times <= maxEscaped; times++ {
		plain, at := s, []int(nil)
		for range times {
			before := len(plain)
			if strings.ContainsAny(plain, `%\&`) {
				plain, at = unescape(plain, at)
			}
			if len(plain) == before {
				return s // nothing in it is escaped so often
			}
		}
		spans := r.find(plain)
		for i, span := range spans {
			spans[i] = [2]int{at[span[0]], at[span[1]]}
		}
		s = replaceSpans(s, spans)
	}
	return s
}

// unescape gives a text with its escapes replaced by what they stand for, and for each of its
// bytes, and for its end, the place in an earlier text, at which from says s stands there; nil:
// s is that text.
func unescape(s string, from []int) (plain string, at []int) {
	var out strings.Builder
	place := func(i int) int {
		if from == nil {
			return i
		}
		return from[i]
	}
	for i := 0; i < len(s); {
		text, n := s[i:i+1], 1
		if c := s[i]; c == '%' || c == '\\' || c == '&' {
			text, n = unescapeOne(s[i:])
		}
		out.WriteString(text)
		for range len(text) {
			at = append(at, place(i))
		}
		i += n
	}
	return out.String(), append(at, place(len(s)))
}

// cutEscape matches the beginning of an escape where a text was cut.
var cutEscape = lazyregexp.New(`^(%[0-9A-Fa-f]?|\\(?:u[0-9A-Fa-f]{0,3}|x[0-9A-Fa-f]?)?|&#?[0-9A-Za-z]{0,8})(?:\.\.\.|…|["'\n]|$)`)

// unescapeOne gives what the escape that a text begins with stands for, and its length. One that
// was cut stands for nothing, and what is none for itself.
func unescapeOne(s string) (text string, n int) {
	switch {
	case s[0] == '%':
		if b, ok := hexByte(s[1:]); ok {
			return b, 3
		}
	case s[0] == '&':
		const longestEntity = 10
		if end := strings.IndexByte(s[:min(len(s), longestEntity)], ';'); end > 0 {
			return html.UnescapeString(s[:end+1]), end + 1
		}
	case strings.HasPrefix(s, `\/`): // of JSON alone
		return "/", 2
	case strings.HasPrefix(s, `\x`):
		if b, ok := hexByte(s[2:]); ok {
			return b, 4
		}
	default:
		quote := byte('"')
		if strings.HasPrefix(s, `\'`) {
			quote = '\''
		}
		if first, _, rest, err := strconv.UnquoteChar(s, quote); err == nil {
			return string(first), len(s) - len(rest)
		}
		if text, n := surrogates(s); n > 0 {
			return text, n
		}
	}
	if cut := cutEscape.FindStringSubmatch(s[:min(len(s), maxCut)]); cut != nil {
		return "", len(cut[1])
	}
	return s[:1], 1
}

// maxCut is the length of the longest escape, and of what follows it where a text was cut.
const maxCut = 16

// surrogates is unescapeOne for a character that JSON writes in two halves; n is 0 for another.
func surrogates(s string) (text string, n int) {
	const half = len(`\ud83d`)
	if len(s) < 2*half || s[1] != 'u' || s[half] != '\\' || s[half+1] != 'u' {
		return "", 0
	}
	high, err1 := strconv.ParseUint(s[2:half], 16, 16)
	low, err2 := strconv.ParseUint(s[half+2:2*half], 16, 16)
	r := utf16.DecodeRune(rune(high), rune(low))
	if err1 != nil || err2 != nil || r == utf8.RuneError {
		return "", 0
	}
	return string(r), 2 * half
}

func hexByte(s string) (string, bool) {
	if len(s) < 2 {
		return "", false
	}
	b, err := hex.DecodeString(s[:2])
	return string(b), err == nil
}
