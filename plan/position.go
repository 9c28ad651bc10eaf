package plan

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// searchWindow is how far behind its reported place posOf searches for a token,
// in bytes.
const searchWindow = 2000

// posOf returns the place of a token. The library miscounts columns after a tab,
// so posOf searches the line for the token's text.
func (c *converter) posOf(tk *token.Token) Pos {
	if tk == nil || tk.Position == nil {
		return c.src.clamp(Pos{})
	}
	pos := c.src.clamp(Pos{tk.Position.Line, tk.Position.Column})
	if tk.Type == token.ImplicitNullType {
		return pos
	}
	want, _, _ := strings.Cut(strings.TrimSpace(tk.Origin), "\n")
	line := c.src.line(pos.Line)
	off := c.offset(pos)
	if want == "" || strings.HasPrefix(line[off:], want) {
		return pos
	}
	if i := strings.Index(line[off:min(len(line), off+searchWindow)], want); i > 0 {
		return Pos{pos.Line, c.column(pos.Line, off+i)}
	}
	return pos
}

// A cursor remembers the last conversion between a column and a byte offset. The
// next conversion on the line continues there. Starting at the line's beginning
// each time would take the square of its length for a file of one long line.
type cursor struct{ line, col, off int }

// offset returns the byte offset of a place in its line.
func (c *converter) offset(p Pos) int {
	line := c.src.line(p.Line)
	if len(line) == c.src.width[p.Line-1] {
		return min(p.Col-1, len(line))
	}
	if c.last.line != p.Line || c.last.col > p.Col {
		c.last = cursor{p.Line, 1, 0}
	}
	for c.last.col < p.Col && c.last.off < len(line) {
		c.advance(line)
	}
	return c.last.off
}

// column returns the column at a byte offset of a line. It is the inverse of
// offset.
func (c *converter) column(num, off int) int {
	line := c.src.line(num)
	if len(line) == c.src.width[num-1] {
		return off + 1
	}
	if c.last.line != num || c.last.off > off {
		c.last = cursor{num, 1, 0}
	}
	for c.last.off < off {
		c.advance(line)
	}
	return c.last.col
}

func (c *converter) advance(line string) {
	_, size := utf8.DecodeRuneInString(line[c.last.off:])
	c.last.off += size
	c.last.col++
}

// marks returns the place of each ${ in a scalar's text. They have the same order
// in the text as in the file. If the text has another number of them than the
// file, because of escapes, all get the place of the scalar's beginning.
func (c *converter) marks(from Pos, tk *token.Token, text string) []Pos {
	count := strings.Count(text, "${")
	marks := make([]Pos, 0, count)
	exact := strings.Count(tk.Origin, "${") == count
	for line, col := from.Line, from.Col; exact && len(marks) < count && line <= len(c.src.lines); line++ {
		raw := c.src.line(line)
		off := c.offset(Pos{line, col})
		for {
			i := strings.Index(raw[off:], "${")
			if i < 0 || len(marks) == count {
				break
			}
			marks = append(marks, Pos{line, c.column(line, off+i)})
			off += i + len("${")
		}
		col = 1
	}
	for len(marks) < count {
		marks = append(marks, from)
	}
	return marks
}
