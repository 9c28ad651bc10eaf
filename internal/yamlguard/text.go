package yamlguard

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
)

const secondDocument = "a second document begins here; a file holds one"

// decode turns the bytes of a file into text: UTF-8 without a byte order mark,
// with \n at line ends. It refuses control characters, which YAML does not allow.
func decode(raw []byte) (string, *Error) {
	if len(raw) > MaxBytes {
		return "", errorf(Pos{1, 1}, "", "the file is larger than 1 MiB")
	}
	raw, err := textfile.Decode(raw)
	if err != nil {
		return "", errorf(Pos{1, 1}, fault.Hint(err), "%s", err)
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	pos := Pos{1, 1}
	for i, r := range text {
		switch {
		case r == '\n':
			pos = Pos{pos.Line + 1, 0}
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			return strings.ToValidUTF8(text, "\ufffd"), errorf(pos, "", "this is not UTF-8 text")
		case r < ' ' && r != '\t', r == 0x7f, r >= 0x80 && r < 0xa0 && r != 0x85, r == '\ufeff', r == '\ufffe', r == '\uffff':
			return strings.ToValidUTF8(text, "\ufffd"), errorf(pos, "", "a control character stands here")
		}
		pos.Col++
	}
	return text, nil
}

// A textCheck checks a text line by line before the library reads it.
type textCheck struct {
	Options
	open  int  // open brackets
	blank int  // empty lines in a row
	tabs  int  // characters that follow tabs, for maxTabs
	marks int  // characters with a meaning in YAML
	begun bool // the check saw content
	ended bool // the check saw the end of the document
}

// checkText splits a text into lines and refuses input that is too expensive for
// the library's lexer.
func checkText(text string, o Options) ([]string, *Error) {
	lines := strings.Split(text, "\n")
	c := &textCheck{Options: o}
	for i, line := range lines {
		bad := c.checkDocument(i+1, line)
		if bad == nil {
			bad = c.checkCosts(i+1, line)
		}
		if bad != nil {
			return nil, bad
		}
	}
	return lines, nil
}

// checkDocument refuses a second document, and directives unless the options
// allow them.
func (c *textCheck) checkDocument(num int, line string) *Error {
	text := strings.TrimSpace(line)
	switch {
	case isMarker(line, "---"):
		if c.begun || c.ended {
			return errorf(Pos{num, 1}, "", secondDocument)
		}
		c.begun = true
	case isMarker(line, "..."):
		c.begun, c.ended = true, true
	case text == "" || text[0] == '#':
	case c.ended:
		return errorf(Pos{num, 1}, "", "nothing may follow the end of the document")
	case line[0] == '%' && !c.begun:
		if !c.Directives {
			return errorf(Pos{num, 1}, "", "YAML directives are not allowed here")
		}
	default:
		c.begun = true
	}
	return nil
}

// isMarker reports whether a line is the marker --- or ..., alone or followed by
// white space and more text.
func isMarker(line, mark string) bool {
	rest, ok := strings.CutPrefix(line, mark)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// checkCosts counts the characters of a line that cost the lexer time or memory.
func (c *textCheck) checkCosts(num int, line string) *Error {
	if c.blank++; strings.TrimSpace(line) != "" {
		c.blank = 0
	}
	if c.blank > maxBlank {
		return errorf(Pos{num, 1}, "", "more than %d empty lines in a row", maxBlank)
	}
	run := 0
	for i := range len(line) {
		if run++; line[i] != '<' {
			run = 0
		}
		switch line[i] {
		case '\t':
			c.tabs += len(line) - i
		case '[', '{':
			c.open++
			c.marks++
		case ']', '}':
			c.open = max(0, c.open-1)
			c.marks++
		case ',', ':', '-', '?', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '#':
			c.marks++
		}
		msg := ""
		switch {
		case run > maxRun:
			msg = fmt.Sprintf("more than %d times < in a row", maxRun)
		case c.tabs > maxTabs:
			msg = "too many tabs on lines this long"
		case c.marks > maxMarks:
			msg = "the file holds more than bayplan reads"
		case c.open > maxOpen:
			msg = fmt.Sprintf("this is nested more than %d deep", maxDepth)
		}
		if msg != "" {
			return errorf(Pos{num, utf8.RuneCountInString(line[:i]) + 1}, "", "%s", msg)
		}
	}
	return nil
}
