package plan

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// secretWords are what a secret key holds. A line without one needs no closer look.
var secretWords = regexp.MustCompile(`(?i)password|passphrase|token|secret|auth`)

// secretKey says whether a key's value is one that must not be written out.
func secretKey(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"password", "passphrase", "token", "secret"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return key == "auth"
}

// A span is a part of a line that is not shown, in bytes.
type span struct{ from, to int }

// A mask is what is not shown of a file's lines, by their index.
type mask map[int][]span

// render gives a line without what is masked in it, and where a column of the
// line, counted in characters from 1, is in that.
func (m mask) render(i int, line string, col int) (shown string, caret int) {
	spans := slices.Clone(m[i]) // many goroutines may ask
	if len(spans) == 0 {
		return line, col
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	at := byteOffset(line, col)
	var out strings.Builder
	done := 0
	for _, s := range spans {
		if s.to <= done {
			continue
		}
		from := max(s.from, done)
		if caret == 0 && at < from {
			caret = utf8.RuneCountInString(out.String()+line[done:at]) + 1
		}
		out.WriteString(line[done:from])
		if caret == 0 && at < s.to {
			caret = utf8.RuneCountInString(out.String()) + 1
		}
		if s.from >= done {
			out.WriteString(redacted)
		}
		done = s.to
	}
	if caret == 0 {
		caret = utf8.RuneCountInString(out.String()+line[done:max(at, done)]) + 1
	}
	return out.String() + line[done:], caret
}

// byteOffset gives where a column begins in a line.
func byteOffset(line string, col int) int {
	n := 1
	for i := range line {
		if n == col {
			return i
		}
		n++
	}
	return len(line)
}

// secretEntry finds a secret key with its colon. It knows nothing of YAML's
// structure: it must also work on a file that is not YAML at all.
var secretEntry = regexp.MustCompile(`(?i)(?:[\w.-]*(?:password|passphrase|token|secret)[\w.-]*|\bauth)["']?[ \t]*:(?:[ \t]+|$)`)

// harmless is a value that gives nothing away: a reference to a secret.
var harmless = regexp.MustCompile(`^["']?\$\{secrets\.[a-z0-9_]*\}?["']?`)

// nestedKey is a line below a secret key that has a key of its own, as the
// entries of secrets: do; such a value is no secret.
var nestedKey = regexp.MustCompile(`^[ \t]*(?:- +)?["']?[\w.-]+["']?[ \t]*:(?:[ \t]|$)`)

// maskLines finds the values of secret keys.
func maskLines(lines []string) mask {
	m := maskURLs(lines)
	under := -1 // the indentation of a secret key whose value goes on below it
	for i, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		below := under >= 0 && indent > under
		switch {
		case strings.TrimSpace(line) == "" || (below && line[indent] == '#'):
		case below && !nestedKey.MatchString(line):
			item := strings.TrimSpace(strings.TrimPrefix(line[indent:], "- "))
			if !harmless.MatchString(item) {
				m[i] = append(m[i], span{indent, len(line)})
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

// urlPassword is the password in an address that holds one.
var urlPassword = regexp.MustCompile(`://[^\s/@:"']*:([^\s/@"']+)@`)

// maskURLs finds the passwords in addresses, whatever key they stand under.
func maskURLs(lines []string) mask {
	m := mask{}
	for i, line := range lines {
		for _, at := range urlPassword.FindAllStringSubmatchIndex(line, -1) {
			m[i] = append(m[i], span{at[2], at[3]})
		}
	}
	return m
}

// maskLine finds the values of the secret keys on one line, and says whether
// the last of them goes on in the lines below.
func maskLine(line string) (spans []span, open bool) {
	if !secretWords.MatchString(line) {
		return nil, false
	}
	for at := 0; ; {
		key := secretEntry.FindStringIndex(line[at:])
		if key == nil {
			return spans, open
		}
		at += key[1]
		n := valueLength(line[at:])
		value := strings.TrimSpace(line[at : at+n])
		open = goesOn(value, line[at+n:])
		switch {
		case value == "" || value[0] == '{' || value[0] == '#' || blockHeader(value):
			continue
		case !harmless.MatchString(value):
			spans = append(spans, span{at, at + n})
		}
		at += n
	}
}

// blockHeader says whether a value is | or > and what belongs to it.
func blockHeader(value string) bool {
	return value[0] != '-' && strings.Trim(value, "|>+-123456789") == "" && strings.ContainsAny(value[:1], "|>")
}

// goesOn says whether a value has more of it in the lines below.
func goesOn(value, rest string) bool {
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

// valueLength gives the length of the value that line begins with: up to its
// closing quote, to what ends it inside { } and [ ], or to the line's end.
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
		if at := strings.LastIndexByte(line, ']'); at > 0 {
			return at + 1
		}
	case '$':
		if at := harmless.FindStringIndex(line); at != nil {
			return at[1]
		}
	}
	if at := furtherKey.FindStringIndex(line); at != nil {
		return at[0]
	}
	return len(line)
}

// quotedLength gives the length of a quoted text with its quotes.
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

// furtherKey ends an unquoted value where another key follows it, as in
// { password: x, user: y }; what else a comma could mean stays masked.
var furtherKey = regexp.MustCompile(`,[ \t]*["']?[\w.-]+["']?:[ \t]`)
