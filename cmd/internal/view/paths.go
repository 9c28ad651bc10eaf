package view

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A relativePaths shortens paths below the working directory to relative
// ones. It does not shorten quoted text: that comes from others, such as names in
// an archive. Nor does it shorten the layouts of references in hints, which are to
// be written into plans, where they must be absolute. Each Write must hold whole
// lines.
type relativePaths struct {
	out    io.Writer
	prefix string // the working directory with a slash at its end; "" shortens nothing
}

// NewRelativePaths makes a writer that shortens paths below the working directory dir
// to relative ones and writes the rest of a text to out unchanged. With "" or "/" it
// shortens nothing. Each Write must hold whole lines.
func NewRelativePaths(out io.Writer, dir string) io.Writer {
	if dir == "" || dir == "/" {
		return relativePaths{out, ""}
	}
	return relativePaths{out, dir + "/"}
}

// Write writes p with its paths shortened.
func (w relativePaths) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.out, w.shorten([]Span{{Text: string(p)}})[0].Text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Paint writes spans with their paths shortened.
func (w relativePaths) Paint(spans ...Span) error { return Paint(w.out, w.shorten(spans)...) }

const (
	hintPrefix   = "hint: "
	layoutPrefix = "oci:"
)

// shorten removes the prefix from paths that begin with it.
func (w relativePaths) shorten(spans []Span) []Span {
	if w.prefix == "" {
		return spans
	}
	var text strings.Builder
	for _, s := range spans {
		text.WriteString(s.Text)
	}
	places, begin := w.prefixes(text.String()), 0
	short := make([]Span, len(spans))
	for i, s := range spans {
		var kept strings.Builder
		for at := range len(s.Text) {
			for len(places) > 0 && places[0]+len(w.prefix) <= begin+at {
				places = places[1:]
			}
			if len(places) == 0 || begin+at < places[0] {
				kept.WriteByte(s.Text[at])
			}
		}
		begin += len(s.Text)
		short[i] = Span{kept.String(), s.Color}
	}
	return short
}

// prefixes returns where in a text there are prefixes to remove.
func (w relativePaths) prefixes(text string) []int {
	var places []int
	begin := 0
	for line := range strings.Lines(text) {
		for _, at := range w.prefixesOfLine(line) {
			places = append(places, begin+at)
		}
		begin += len(line)
	}
	return places
}

func (w relativePaths) prefixesOfLine(text string) []int {
	isHint := strings.HasPrefix(text, hintPrefix)
	var places []int
	quoted := false
	for i := 0; i < len(text); {
		n := 1
		switch c := text[i]; {
		case quoted && c == '\\' && i+1 < len(text): // the next byte may be an escaped quote
			n = 2
		case c == '"':
			quoted = !quoted
		case quoted, isHint && strings.HasSuffix(text[:i], layoutPrefix):
		case strings.HasPrefix(text[i:], w.prefix) && !endsInPath(text[:i]):
			places = append(places, i)
			n = len(w.prefix)
		}
		i += n
	}
	return places
}

// endsInPath tells whether a slash after text would continue a path.
func endsInPath(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return text != "" && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-~", r))
}
