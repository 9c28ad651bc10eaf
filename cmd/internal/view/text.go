package view

import (
	"io"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// A Color marks a part of a text. It is the parameter of the control sequence that
// turns it on, of the 16 colours that every terminal theme sets.
type Color string

// All colours.
const (
	NoColor Color = ""
	Green   Color = "32" // what has been done
	Yellow  Color = "33" // what deserves a look
	Red     Color = "31" // what went wrong
	Dim     Color = "2"  // what matters less
)

// A Span is a part of a text in one color.
type Span struct {
	Text  string
	Color Color
}

// A Painter is a writer of text for people that can show colours. It decides whether
// it does.
type Painter interface {
	io.Writer
	// Paint writes whole lines.
	Paint(spans ...Span) error
}

// Paint writes whole lines in colours if out is a Painter, else without colours.
func Paint(out io.Writer, spans ...Span) error {
	if p, ok := out.(Painter); ok {
		return p.Paint(spans...)
	}
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// Sequence returns a text with the control sequences for its color around it.
func (s Span) Sequence() string {
	if s.Color == NoColor || s.Text == "" {
		return s.Text
	}
	return "\x1b[" + string(s.Color) + "m" + s.Text + "\x1b[0m"
}

// Wrap breaks lines that have more than so many columns between words. The rest is
// indented below. It does not break a word: what is copied from a terminal, such as a
// path or a digest, stays whole. Control sequences for colours take no columns.
func Wrap(text string, columns int) string {
	if columns <= 0 {
		return text
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		if painted(line) <= columns {
			out.WriteString(line)
			continue
		}
		wrapLine(&out, line, columns)
	}
	return out.String()
}

func wrapLine(out *strings.Builder, line string, columns int) {
	body := strings.TrimLeft(line, " ")
	indent := strings.Repeat(" ", len(line)-len(body))
	out.WriteString(indent)
	used, first := len(indent), true
	for word := range strings.SplitSeq(body, " ") {
		n := painted(word)
		switch {
		case first:
		case used+1+n > columns:
			out.WriteString("\n  " + indent)
			used = len(indent) + 2
		default:
			out.WriteByte(' ')
			used++
		}
		out.WriteString(word)
		used, first = used+n, false
	}
}

// painted returns the columns of a text that may hold control sequences for colours.
func painted(s string) int {
	n := 0
	for {
		before, rest, found := strings.Cut(s, "\x1b[")
		n += human.Width(before)
		if !found {
			return n
		}
		_, s, _ = strings.Cut(rest, "m")
	}
}
