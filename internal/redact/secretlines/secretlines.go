// Package secretlines finds what may be secret in the lines of a text that should be YAML, and
// shows the lines without it. The text need not be valid, and its schema is not known.
package secretlines

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/redact"
)

// A Span is a part of a line that is not shown. Its ends are byte offsets.
type Span struct{ From, To int }

// A Mask holds the spans of a text's lines, by the line's index.
type Mask map[int][]Span

// Render returns a line with its spans replaced by [redacted], and the column there of the
// byte at an offset. Columns count characters from 1.
func (m Mask) Render(i int, line string, off int) (shown string, caret int) {
	spans := slices.Clone(m[i]) // sorted below; other goroutines may read m[i]
	if len(spans) == 0 {
		return line, utf8.RuneCountInString(line[:off]) + 1
	}
	slices.SortFunc(spans, func(a, b Span) int { return a.From - b.From })
	var out strings.Builder
	done := 0
	for _, s := range spans {
		if s.To <= done {
			continue
		}
		from := max(s.From, done)
		if caret == 0 && off < from {
			caret = utf8.RuneCountInString(out.String()+line[done:off]) + 1
		}
		out.WriteString(line[done:from])
		if caret == 0 && off < s.To {
			caret = utf8.RuneCountInString(out.String()) + 1
		}
		if s.From >= done {
			out.WriteString(redact.Mark)
		}
		done = s.To
	}
	if caret == 0 {
		caret = utf8.RuneCountInString(out.String()+line[done:max(off, done)]) + 1
	}
	return out.String() + line[done:], caret
}

// keyWithColon matches a key with its colon. It ignores the structure of YAML: it must also work
// on a file that is not YAML.
var keyWithColon = lazyregexp.New(`([\w.-]+)["']?[ \t]*:(?:[ \t]+|$)`)

// secretReference matches a value that need not be masked: a reference to a secret.
var secretReference = lazyregexp.New(`^["']?\$\{secrets\.[a-z0-9_]*\}?["']?`)

// nestedKey matches a line below a secret key that has its own key, such as an
// entry of secrets:. Its value is not a secret.
var nestedKey = lazyregexp.New(`^[ \t]*(?:- +)?["']?[\w.-]+["']?[ \t]*:(?:[ \t]|$)`)

// Of finds the values of keys that may be secret, and the passwords and secret parameters of URLs.
func Of(lines []string) Mask {
	m := maskURLs(lines)
	under := -1 // the indentation of a secret key whose value continues below it; -1 means none
	for i, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		below := under >= 0 && indent > under
		switch {
		case strings.TrimSpace(line) == "" || (below && line[indent] == '#'):
		case below && !nestedKey.MatchString(line):
			item := strings.TrimSpace(strings.TrimPrefix(line[indent:], "- "))
			if !secretReference.MatchString(item) {
				m[i] = append(m[i], Span{indent, len(line)})
			}
		default:
			spans, open := maskLine(line)
			if len(spans) > 0 {
				m[i] = append(m[i], spans...)
			}
			if open {
				under = indent
			} else if !below {
				under = -1
			}
		}
	}
	return m
}

// maskURLs finds the passwords and the secret parameters of URLs below any key.
func maskURLs(lines []string) Mask {
	m := Mask{}
	for i, line := range lines {
		for _, at := range redact.URLSecrets(line) {
			if secretReference.MatchString(line[at[0]:at[1]]) {
				continue
			}
			m[i] = append(m[i], Span{at[0], at[1]})
		}
	}
	return m
}

// maskLine finds the values of secret keys on one line. open says that the last
// value continues on the lines below.
func maskLine(line string) (spans []Span, open bool) {
	for from := 0; ; {
		key := keyWithColon.FindStringSubmatchIndex(line[from:])
		if key == nil {
			return spans, open
		}
		name := line[from+key[2] : from+key[3]]
		if from += key[1]; !redact.PerhapsSecret(name) {
			continue
		}
		n := valueLength(line[from:])
		value := strings.TrimSpace(line[from : from+n])
		open = continuesBelow(value, line[from+n:])
		switch {
		case value == "" || value[0] == '{' || value[0] == '#' || blockHeader(value):
			continue
		case !secretReference.MatchString(value):
			spans = append(spans, Span{from, from + n})
		}
		from += n
	}
}

// blockHeader reports whether a value is | or > with its indicators.
func blockHeader(value string) bool {
	return value[0] != '-' && strings.Trim(value, "|>+-123456789") == "" && strings.ContainsAny(value[:1], "|>")
}

// continuesBelow reports whether a value may continue on the lines below. rest is
// what follows the value on its line.
func continuesBelow(value, rest string) bool {
	switch {
	case strings.TrimSpace(rest) != "":
		return false
	case value == "":
		return true
	}
	switch value[0] {
	case '"', '\'':
		return len(value) == 1 || value[len(value)-1] != value[0]
	case '{':
		return false
	case '[':
		return !strings.HasSuffix(value, "]")
	}
	return true // a block scalar, or plain text that may have a second line
}

// valueLength returns the length of the value that line begins with. The value
// ends at its closing quote or bracket, before the next key, or at the line's
// end. Of a mapping in { } only the brace counts: its entries have their own keys.
func valueLength(line string) int {
	if line == "" {
		return 0
	}
	switch q := line[0]; q {
	case '"', '\'':
		return quotedLength(line, q)
	case '{':
		return 1
	case '[':
		if end := strings.LastIndexByte(line, ']'); end > 0 {
			return end + 1
		}
	case '$':
		if match := secretReference.FindStringIndex(line); match != nil {
			return match[1]
		}
	}
	if match := nextKey.FindStringIndex(line); match != nil {
		return match[0]
	}
	return len(line)
}

// quotedLength returns the length of a quoted text with its quotes.
func quotedLength(line string, q byte) int {
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == '\\' && q == '"':
			i++
		case line[i] != q:
		case q == '\'' && i+1 < len(line) && line[i+1] == q:
			i++
		default:
			return i + 1
		}
	}
	return len(line)
}

// nextKey matches the end of an unquoted value that another key follows, as in
// { password: x, user: y }. A value stays masked past any other comma.
var nextKey = lazyregexp.New(`,[ \t]*["']?[\w.-]+["']?:[ \t]`)
