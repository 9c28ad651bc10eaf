package plan

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A source is one file's text, as its errors need it. It does not change any
// more once the file is read, so many goroutines may ask it.
type source struct {
	file  string   // as the user named it
	dir   string   // absolute; relative paths in the file start here
	lines []string // without their line ends
	width []int    // of the lines, in characters
	shown []string // the lines with what stands under secret keys masked

	hidden int // how many texts were masked wherever they stand
}

// maxHidden bounds the work of masking; with more to hide, all is masked.
const maxHidden = 500

func newSource(file, dir, text string) *source {
	lines := strings.Split(text, "\n")
	width := make([]int, len(lines))
	for i, line := range lines {
		width[i] = utf8.RuneCountInString(line)
	}
	return &source{file: file, dir: dir, lines: lines, width: width, shown: maskLines(lines)}
}

// line gives the text of a line counted from 1, or "".
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// inside moves a place that is not in the file to the nearest one that is; an
// error that points beside the text helps nobody.
func (s *source) inside(p Pos) Pos {
	if p.Line < 1 {
		return Pos{1, 1}
	}
	if p.Line > len(s.lines) {
		last := len(s.lines)
		return Pos{last, s.width[last-1] + 1}
	}
	return Pos{p.Line, max(1, min(p.Col, s.width[p.Line-1]+1))}
}

// hide masks a text wherever it stands in the file: a secret that was written
// out may be an anchor's value, far from the key that makes it secret.
func (s *source) hide(text string) {
	for part := range strings.SplitSeq(text, "\n") {
		part = strings.TrimSpace(part)
		if len(part) < 3 {
			continue // would mask half the file, and gives nothing away
		}
		if s.hidden++; s.hidden > maxHidden {
			part = ""
		}
		if s.hidden > maxHidden+1 {
			return
		}
		for i, line := range s.shown {
			if s.shown[i] = redacted; part != "" {
				s.shown[i] = strings.ReplaceAll(line, part, redacted)
			}
		}
	}
}

// errorf makes an error at a place of the file.
func (s *source) errorf(p Pos, format string, args ...any) *Error {
	e := &Error{File: s.file, Pos: s.inside(p), Msg: oneLine(fmt.Sprintf(format, args...))}
	s.show(e)
	return e
}

// show fills in the source line of an error of this file.
func (s *source) show(e *Error) {
	if e.Pos.Line < 1 || e.Pos.Line > len(s.lines) {
		return
	}
	raw := s.lines[e.Pos.Line-1]
	e.Source = s.shown[e.Pos.Line-1]
	e.caret = moveCaret(raw, e.Source, e.Pos.Col)
}

// moveCaret gives the column in the masked line for one in the line as it is:
// before the first difference it stays, behind the last it moves with the
// text, and between it is put on the mask.
func moveCaret(raw, masked string, col int) int {
	if raw == masked {
		return col
	}
	a, b := []rune(raw), []rune(masked)
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	tail := 0
	for tail < min(len(a), len(b))-same && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	switch at := col - 1; {
	case at < same:
		return col
	case at >= len(a)-tail:
		return at + len(b) - len(a) + 1
	}
	return same + 1
}

// oneLine keeps a message on its line whatever it quotes.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
