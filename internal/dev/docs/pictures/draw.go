package main

import (
	"bytes"
	"fmt"
	"html"
	"strings"

	"github.com/hinshun/vt10x"
)

// The size of the terminal, and of a character in the picture.
const (
	columns, rows   = 100, 30
	charWidth       = 8.0
	lineHeight      = 18.0
	margin          = 16.0
	background      = "#1e1f24"
	foreground      = "#d8dae0"
	fontFamilies    = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
	betweenPictures = 12.0
)

// colours of the terminal that bayplan uses; others are drawn as plain text.
var colours = map[vt10x.Color]string{
	vt10x.Red: "#f2777a", vt10x.Green: "#7fc98a", vt10x.Yellow: "#e5c07b", vt10x.Blue: "#79a8f0", vt10x.Magenta: "#c792ea", vt10x.Cyan: "#6fc3cf",
	vt10x.LightRed: "#f2777a", vt10x.LightGreen: "#7fc98a", vt10x.LightYellow: "#e5c07b", vt10x.LightBlue: "#79a8f0", vt10x.DarkGrey: "#8a8d96",
}

// A screen is what a terminal shows at a moment, without the empty lines at its end.
type screen [][]vt10x.Glyph

// drawRun draws two screens of a run, one below the other: the one with the most rows of
// steps that run, and what is new on the last one.
func drawRun(command string, written []byte) string {
	term := vt10x.New(vt10x.WithSize(columns, rows))
	var busiest screen
	most := 0
	for _, part := range bytes.SplitAfter(written, []byte("\n")) {
		if _, err := term.Write(part); err != nil {
			break
		}
		if now := look(term); now.bars() > most || now.bars() == most && most > 0 && now.has("  50%") {
			busiest, most = now, now.bars()
		}
	}
	last := look(term).without(busiest)
	height := betweenPictures + busiest.height() + last.height()
	width := columns*charWidth + 2*margin
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="%s" font-size="13">`+"\n", width, height, width, height, fontFamilies)
	busiest.draw(&out, "$ "+command, 0, width)
	last.draw(&out, "...", busiest.height()+betweenPictures, width)
	out.WriteString("</svg>\n")
	return out.String()
}

// look reads the screen of a terminal.
func look(term vt10x.Terminal) screen {
	var s screen
	used := 0
	for y := range rows {
		line := make([]vt10x.Glyph, columns)
		for x := range columns {
			line[x] = term.Cell(x, y)
			if c := line[x].Char; c != 0 && c != ' ' {
				used = y + 1
			}
		}
		s = append(s, line)
	}
	return s[:used]
}

// without gives a screen without the lines at its beginning that another one begins with.
func (s screen) without(other screen) screen {
	for len(s) > 0 && len(other) > 0 && textOf(s[0]) == textOf(other[0]) {
		s, other = s[1:], other[1:]
	}
	return s
}

// bars counts the steps that are drawn with how far they are.
func (s screen) bars() int {
	n := 0
	for _, line := range s {
		if strings.Contains(textOf(line), "━") {
			n++
		}
	}
	return n
}

func (s screen) has(text string) bool {
	for _, line := range s {
		if strings.Contains(textOf(line), text) {
			return true
		}
	}
	return false
}

// height is that of the drawing of a screen, with a line above it.
func (s screen) height() float64 { return float64(len(s)+1)*lineHeight + 2*margin }

// draw draws a first line and a screen below it, as far down as top says.
func (s screen) draw(out *strings.Builder, first string, top, width float64) {
	fmt.Fprintf(out, `<rect y="%.0f" width="%.0f" height="%.0f" rx="8" fill="%s"/>`+"\n", top, width, s.height(), background)
	y := top + margin + lineHeight*0.75
	fmt.Fprintf(out, `<text x="%.0f" y="%.0f" fill="%s" xml:space="preserve">%s</text>`+"\n", margin, y, foreground, html.EscapeString(first))
	for _, line := range s {
		y += lineHeight
		for x := 0; x < len(line); {
			end := x + 1
			for end < len(line) && line[end].FG == line[x].FG {
				end++
			}
			drawText(out, line[x:end], margin+float64(x)*charWidth, y)
			x = end
		}
	}
}

// drawText draws characters of one colour. Their width is given, since fonts differ.
func drawText(out *strings.Builder, glyphs []vt10x.Glyph, x, y float64) {
	text := strings.TrimRight(textOf(glyphs), " ")
	if text == "" {
		return
	}
	colour := colours[glyphs[0].FG]
	if colour == "" {
		colour = foreground
	}
	fmt.Fprintf(out, `<text x="%.0f" y="%.0f" fill="%s" textLength="%.0f" xml:space="preserve">%s</text>`+"\n",
		x, y, colour, float64(len([]rune(text)))*charWidth, html.EscapeString(text))
}

func textOf(glyphs []vt10x.Glyph) string {
	var text strings.Builder
	for _, g := range glyphs {
		if g.Char == 0 {
			text.WriteByte(' ')
			continue
		}
		text.WriteRune(g.Char)
	}
	return text.String()
}
