package labels

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A format is the part of a field after the colon:
// [[fill]align][0][width][.precision][s].
type format struct {
	fill      rune
	align     byte // '<', '>' or '^'
	width     int
	precision int // -1: all
}

// maxWidth limits the length of an expanded label. No tag is longer than 128.
const maxWidth = 1000

func parseSpec(spec string) (format, error) {
	f := format{fill: ' ', align: '<', precision: -1}
	rest := f.parseAlign(spec)
	var err error
	if rest != "" && rest[0] == '0' {
		rest = strings.TrimPrefix(rest, "0")
		if f.fill == ' ' {
			f.fill = '0'
		}
	}
	if f.width, rest, err = parseNumber(rest, 0); err == nil && strings.HasPrefix(rest, ".") {
		f.precision, rest, err = parseNumber(rest[1:], -1)
		if f.precision < 0 {
			err = fmt.Errorf("no number after the dot")
		}
	}
	rest = strings.TrimPrefix(rest, "s")
	if err == nil && rest != "" {
		err = fmt.Errorf("%q is not a text format", rest)
	}
	if err != nil {
		return f, fmt.Errorf("format %q: %w", spec, err)
	}
	return f, nil
}

// parseAlign reads the fill character and the alignment and returns the rest.
func (f *format) parseAlign(spec string) string {
	first, n := utf8.DecodeRuneInString(spec)
	if len(spec) > n && strings.IndexByte("<>^", spec[n]) >= 0 {
		f.fill, f.align = first, spec[n]
		return spec[n+1:]
	}
	if spec != "" && strings.IndexByte("<>^", spec[0]) >= 0 {
		f.align = spec[0]
		return spec[1:]
	}
	return spec
}

// parseNumber reads the digits at the start of s. Without digits n is absent.
func parseNumber(s string, absent int) (n int, rest string, err error) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 {
		return absent, s, nil
	}
	n, err = strconv.Atoi(s[:i])
	if err != nil || n > maxWidth {
		return absent, s, fmt.Errorf("%s is more than %d", s[:i], maxWidth)
	}
	return n, s[i:], nil
}

func (f format) apply(s string) string {
	r := []rune(s)
	if f.precision >= 0 && len(r) > f.precision {
		r = r[:f.precision]
	}
	pad := f.width - len(r)
	if pad <= 0 {
		return string(r)
	}
	left := 0
	switch f.align {
	case '>':
		left = pad
	case '^':
		left = pad / 2
	}
	fill := string(f.fill)
	return strings.Repeat(fill, left) + string(r) + strings.Repeat(fill, pad-left)
}

// pythonRepr quotes s as Python's repr does: in single quotes, or in double
// quotes when s has single quotes only. With ascii it escapes every character
// that is not ASCII, as Python's ascii does.
func pythonRepr(s string, ascii bool) string {
	q := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		q = '"'
	}
	var b strings.Builder
	b.WriteRune(q)
	for _, r := range s {
		writeReprRune(&b, r, q, ascii)
	}
	b.WriteRune(q)
	return b.String()
}

func writeReprRune(b *strings.Builder, r, q rune, ascii bool) {
	switch {
	case r == '\\' || r == q:
		b.WriteRune('\\')
		b.WriteRune(r)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r < 0x80 && unicode.IsPrint(r), r >= 0x80 && !ascii && unicode.IsPrint(r):
		b.WriteRune(r)
	case r < 0x100:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}
