package plan

import "strings"

// A textCheck looks at a text line by line before the YAML library does.
type textCheck struct {
	src   *source
	quote byte // the quoted text that goes on from line to line, or 0
	flow  int  // how many [ and { are open
	block int  // the indentation of a line whose | or > text goes on, or -1
	blank int
	tabs  int
	marks int
	begun bool // content was seen
	ended bool // the document's end was seen
}

// checkText refuses, without the YAML library, what it must not see. It
// follows quotes, comments and brackets only roughly: what it misses is left
// to checkTokens.
func checkText(src *source) *Error {
	c := &textCheck{src: src, block: -1}
	for i, line := range src.lines {
		if bad := c.line(i+1, line); bad != nil {
			return bad
		}
	}
	return nil
}

func (c *textCheck) line(num int, line string) *Error {
	if bad := c.document(num, line); bad != nil {
		return bad
	}
	if c.blank++; strings.TrimSpace(line) != "" {
		c.blank = 0
	}
	if c.blank > maxBlank {
		return c.src.errorf(Pos{num, 1}, "more than %d empty lines in a row", maxBlank)
	}
	if bad := c.nesting(num, line); bad != nil {
		return bad
	}
	return c.costs(num, line)
}

// document refuses a second document and directives.
func (c *textCheck) document(num int, line string) *Error {
	text := strings.TrimSpace(line)
	switch {
	case marker(line, "---"):
		if c.begun || c.ended {
			return c.src.errorf(Pos{num, 1}, "a second document begins here; a file holds one")
		}
		c.begun = true
	case marker(line, "..."):
		c.begun, c.ended = true, true
	case text == "" || text[0] == '#':
	case c.ended:
		return c.src.errorf(Pos{num, 1}, "nothing may follow the end of the document")
	case line[0] == '%' && !c.begun:
		return c.src.errorf(Pos{num, 1}, "YAML directives are not known here")
	default:
		c.begun = true
	}
	return nil
}

// marker says whether a line is --- or ..., with something behind it or not.
func marker(line, mark string) bool {
	rest, ok := strings.CutPrefix(line, mark)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// costs counts what the lexer is slow at.
func (c *textCheck) costs(num int, line string) *Error {
	same := 0
	for i := range len(line) {
		if same++; i == 0 || line[i] != line[i-1] {
			same = 1
		}
		switch line[i] {
		case '\t':
			c.tabs += len(line) - i
		case '[', ']', '{', '}', ',', ':', '-', '?', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '#':
			c.marks++
		}
		switch {
		case same > maxSame:
			return c.src.errorf(c.pos(num, i), "more than %d times the same character in a row", maxSame)
		case c.tabs > maxTabs:
			return c.src.errorf(c.pos(num, i), "too many tabs on lines this long")
		case c.marks > maxMarks:
			return c.src.errorf(c.pos(num, i), "the file holds more than bayplan reads")
		}
	}
	return nil
}

// pos gives the place of a byte of a line.
func (c *textCheck) pos(num, at int) Pos {
	return Pos{num, len([]rune(c.src.lines[num-1][:at])) + 1}
}

// nesting counts brackets, and the - and ? that begin a line.
func (c *textCheck) nesting(num int, line string) *Error {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if c.block >= 0 {
		if indent > c.block || strings.TrimSpace(line) == "" {
			return nil
		}
		c.block = -1
	}
	if c.quote == 0 && indent < len(line) && line[indent] == '\t' && strings.TrimSpace(line) != "" {
		return c.src.syntax(Pos{num, indent + 1}, "found a tab character")
	}
	dashes := 0
	start, space := c.quote == 0, true // a value may begin here; what came before is white
	for i := 0; i < len(line); i++ {
		ch := line[i]
		if c.quote != 0 {
			i, start = c.quoted(line, i), false
			continue
		}
		next := byte(' ')
		if i+1 < len(line) {
			next = line[i+1]
		}
		white := next == ' ' || next == '\t'
		switch {
		case ch == ' ' || ch == '\t':
			space = true
			continue
		case ch == '#' && space:
			return nil
		case (ch == '"' || ch == '\'') && start:
			c.quote = ch
		case (ch == '[' || ch == '{') && (start || c.flow > 0):
			c.flow++
			start = true
		case (ch == ']' || ch == '}') && c.flow > 0:
			c.flow--
			start = false
		case ch == ',':
			start = c.flow > 0
		case ch == ':':
			start = white || c.flow > 0
		case (ch == '-' || ch == '?') && start && white:
			dashes++
		case (ch == '|' || ch == '>') && start:
			return c.header(num, i, indent)
		case (ch == '&' || ch == '!' || ch == '*') && start:
			for i+1 < len(line) && line[i+1] != ' ' && line[i+1] != '\t' {
				i++
			}
		default:
			start = false
		}
		space = false
		if c.flow+dashes > maxDepth {
			return c.src.errorf(c.pos(num, i), "this is nested more than %d deep", maxDepth)
		}
	}
	return nil
}

// header begins a text that follows | or > on the next lines. The lexer reads
// the header anew at each of its characters, so it may not be long.
func (c *textCheck) header(num, at, indent int) *Error {
	text, _, _ := strings.Cut(c.src.lines[num-1][at:], " ")
	if len(text) > maxHeader {
		return c.src.syntax(c.pos(num, at), "invalid header option")
	}
	if c.flow == 0 {
		c.block = indent
	}
	return nil
}

// quoted goes over one character of a quoted text, and gives its last byte.
func (c *textCheck) quoted(line string, i int) int {
	switch {
	case line[i] == '\\' && c.quote == '"':
		return i + 1
	case line[i] != c.quote:
	case c.quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
		return i + 1
	default:
		c.quote = 0
	}
	return i
}
