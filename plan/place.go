package plan

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// nearby is how far from where the library says a token is looked for.
const nearby = 2000

// place gives where a token stands. The library counts columns wrongly behind
// a tab, so the token's text is looked for on its line.
func (c *converter) place(tk *token.Token) Pos {
	if tk == nil || tk.Position == nil {
		return c.src.inside(Pos{})
	}
	pos := c.src.inside(Pos{tk.Position.Line, tk.Position.Column})
	if tk.Type == token.ImplicitNullType {
		return pos
	}
	want, _, _ := strings.Cut(strings.TrimSpace(tk.Origin), "\n")
	line := c.src.line(pos.Line)
	at := c.offset(pos)
	if want == "" || strings.HasPrefix(line[at:], want) {
		return pos
	}
	if i := strings.Index(line[at:min(len(line), at+nearby)], want); i > 0 {
		return Pos{pos.Line, c.column(pos.Line, at+i)}
	}
	return pos
}

// A cursor is the last place that was turned from characters into bytes. Going
// on from it keeps a file of one long line from taking the square of its length.
type cursor struct{ line, col, off int }

// offset gives the byte of its line that a place is at.
func (c *converter) offset(p Pos) int {
	line := c.src.line(p.Line)
	if len(line) == c.src.width[p.Line-1] {
		return min(p.Col-1, len(line))
	}
	if c.last.line != p.Line || c.last.col > p.Col {
		c.last = cursor{p.Line, 1, 0}
	}
	for c.last.col < p.Col && c.last.off < len(line) {
		c.step(line)
	}
	return c.last.off
}

// column is the way back.
func (c *converter) column(num, off int) int {
	line := c.src.line(num)
	if len(line) == c.src.width[num-1] {
		return off + 1
	}
	if c.last.line != num || c.last.off > off {
		c.last = cursor{num, 1, 0}
	}
	for c.last.off < off {
		c.step(line)
	}
	return c.last.col
}

func (c *converter) step(line string) {
	_, size := utf8.DecodeRuneInString(line[c.last.off:])
	c.last.off += size
	c.last.col++
}

// marks finds the places of the references in a scalar: the ${ in its text
// come in the same order as those in the file. Where escapes hide one, all are
// put at the scalar's beginning.
func (c *converter) marks(from Pos, tk *token.Token, text string) []Pos {
	count := strings.Count(text, "${")
	marks := make([]Pos, 0, count)
	exact := strings.Count(tk.Origin, "${") == count
	for line, col := from.Line, from.Col; exact && len(marks) < count && line <= len(c.src.lines); line++ {
		raw := c.src.line(line)
		at := c.offset(Pos{line, col})
		for {
			i := strings.Index(raw[at:], "${")
			if i < 0 || len(marks) == count {
				break
			}
			marks = append(marks, Pos{line, c.column(line, at+i)})
			at += i + len("${")
		}
		col = 1
	}
	for len(marks) < count {
		marks = append(marks, from)
	}
	return marks
}
