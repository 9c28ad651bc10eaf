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
	text := string(p)
	if w.prefix != "" {
		text = w.shorten(text)
	}
	if _, err := io.WriteString(w.out, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

const (
	hintPrefix   = "hint: "
	layoutPrefix = "oci:"
)

// shorten removes the prefix from paths that begin with it.
func (w relativePaths) shorten(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(w.shortenLine(line))
	}
	return out.String()
}

func (w relativePaths) shortenLine(text string) string {
	isHint := strings.HasPrefix(text, hintPrefix)
	var out strings.Builder
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
			i += len(w.prefix)
			continue
		}
		out.WriteString(text[i : i+n])
		i += n
	}
	return out.String()
}

// endsInPath tells whether a slash after text would continue a path.
func endsInPath(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return text != "" && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-~", r))
}
