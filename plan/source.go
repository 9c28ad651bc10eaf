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
	mask  mask     // what stands under secret keys, or was found to be secret

	hidden int // how many texts were masked wherever they stand
}

// maxHidden bounds the work of masking; with more to hide, all of every line is masked.
const maxHidden = 500

func newSource(file, dir, text string) *source {
	lines := strings.Split(text, "\n")
	width := make([]int, len(lines))
	for i, line := range lines {
		width[i] = utf8.RuneCountInString(line)
	}
	return &source{file: file, dir: dir, lines: lines, width: width, mask: maskLines(lines)}
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
			s.hideAll()
			return
		}
		for i, line := range s.lines {
			for from := 0; ; {
				at := strings.Index(line[from:], part)
				if at < 0 {
					break
				}
				s.mask[i] = append(s.mask[i], span{from + at, from + at + len(part)})
				from += at + len(part)
			}
		}
	}
}

func (s *source) hideAll() {
	for i, line := range s.lines {
		s.mask[i] = []span{{0, len(line)}}
	}
}

// errorf makes an error at a place of the file. The source of a Plan or Body
// that was not read from one is nil.
func (s *source) errorf(p Pos, format string, args ...any) *Error {
	if s == nil {
		return &Error{Pos: p, Msg: oneLine(fmt.Sprintf(format, args...))}
	}
	e := &Error{File: s.file, Pos: s.inside(p), Msg: oneLine(fmt.Sprintf(format, args...))}
	s.show(e)
	return e
}

// show fills in the source line of an error of this file.
func (s *source) show(e *Error) {
	if e.Pos.Line < 1 || e.Pos.Line > len(s.lines) {
		return
	}
	i := e.Pos.Line - 1
	e.Source, e.caret = s.mask.render(i, s.lines[i], e.Pos.Col)
}

// oneLine keeps a message on its line whatever it quotes.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
