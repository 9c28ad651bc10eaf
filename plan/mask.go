package plan

import (
	"regexp"
	"strings"
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

// secretEntry finds a secret key with its colon. It knows nothing of YAML's
// structure: it must also work on a file that is not YAML at all.
var secretEntry = regexp.MustCompile(`(?i)(?:[\w.-]*(?:password|passphrase|token|secret)[\w.-]*|\bauth)["']?[ \t]*:(?:[ \t]+|$)`)

// harmless is a value that gives nothing away: a reference to a secret, and
// what opens a mapping or a list, whose entries are looked at on their own.
var harmless = regexp.MustCompile(`^["']?\$\{secrets\.[a-z0-9_]*\}?["']?`)

// maskLines gives the lines of a file with the values of secret keys replaced.
func maskLines(lines []string) []string {
	shown := make([]string, len(lines))
	under := -1 // the indentation of a secret key whose value goes on below it
	for i, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		blank := strings.TrimSpace(line) == ""
		switch {
		case blank:
			shown[i] = line
			continue
		case under >= 0 && indent > under && !strings.HasPrefix(line[indent:], "#"):
			shown[i] = maskNested(line, indent)
			continue
		}
		var open bool
		if shown[i], open = maskLine(line); open {
			under = indent
		} else {
			under = -1
		}
	}
	return shown
}

// nestedKey is a line below a secret key that has a key of its own, as the
// entries of secrets: do; such a value is no secret.
var nestedKey = regexp.MustCompile(`^[ \t]*(?:- +)?["']?[\w.-]+["']?[ \t]*:(?:[ \t]|$)`)

// maskNested masks a line that goes on with the value of a secret key.
func maskNested(line string, indent int) string {
	if nestedKey.MatchString(line) {
		masked, _ := maskLine(line)
		return masked
	}
	item := strings.TrimPrefix(line[indent:], "- ")
	if harmless.MatchString(strings.TrimSpace(item)) {
		return line
	}
	return line[:indent] + redacted
}

// maskLine masks the values of the secret keys on one line, and says whether
// the last of them goes on in the lines below.
func maskLine(line string) (masked string, open bool) {
	if !strings.Contains(line, ":") || !secretWords.MatchString(line) {
		return line, false
	}
	var out strings.Builder
	for {
		at := secretEntry.FindStringIndex(line)
		if at == nil {
			out.WriteString(line)
			return out.String(), open
		}
		out.WriteString(line[:at[1]])
		line = line[at[1]:]
		n := valueLength(line)
		value := strings.TrimSpace(line[:n])
		open = goesOn(value, line[n:])
		switch {
		case value == "" || value[0] == '{' || value[0] == '[' || value[0] == '#' || blockHeader(value):
			continue
		case harmless.MatchString(value):
			out.WriteString(line[:n])
		default:
			out.WriteString(redacted)
		}
		line = line[n:]
	}
}

// blockHeader says whether a value is | or > and what belongs to it.
func blockHeader(value string) bool {
	return strings.Trim(value, "|>+-0123456789") == ""
}

// goesOn says whether a value has more of it in the lines below.
func goesOn(value, rest string) bool {
	if value == "" || strings.TrimSpace(rest) != "" {
		return value == "" && strings.TrimSpace(rest) == ""
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
		for i := 1; i < len(line); i++ {
			if line[i] == '\\' && q == '"' {
				i++
			} else if line[i] == q {
				return i + 1
			}
		}
		return len(line)
	case '{':
		return 1
	case '$':
		if at := harmless.FindStringIndex(line); at != nil {
			return at[1]
		}
	}
	return plainLength(line)
}

// plainLength ends an unquoted value where a further key follows it, as in
// { password: x, user: y }; what else a comma could mean stays masked.
func plainLength(line string) int {
	if at := furtherKey.FindStringIndex(line); at != nil {
		return at[0]
	}
	return len(line)
}

var furtherKey = regexp.MustCompile(`,[ \t]*["']?[\w.-]+["']?:[ \t]`)
