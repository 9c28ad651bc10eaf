package main

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A nearWriter shows paths below the working directory as a person there would
// write them, and nothing that a terminal would obey. What is quoted stays as it
// is: it is what others wrote, such as names in an archive. It is for text that
// is written in whole lines.
type nearWriter struct {
	out  io.Writer
	here string // the working directory with a slash at its end; "" leaves all as it is
}

// near makes a nearWriter for the working directory dir.
func near(out io.Writer, dir string) io.Writer {
	if dir == "" || dir == "/" {
		return nearWriter{out, ""}
	}
	return nearWriter{out, dir + "/"}
}

// Write writes p with its paths shortened and its control characters replaced.
func (w nearWriter) Write(p []byte) (int, error) {
	text := string(p)
	if w.here != "" {
		text = w.shorten(text)
	}
	if _, err := io.WriteString(w.out, strings.Map(visible, text)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// shorten cuts the working directory off where a path begins with it.
func (w nearWriter) shorten(text string) string {
	var out strings.Builder
	quoted := false
	for at := 0; at < len(text); {
		n := 1
		switch c := text[at]; {
		case quoted && c == '\\' && at+1 < len(text): // it may keep a quote from ending
			n = 2
		case c == '"':
			quoted = !quoted
		case c == '\n':
			quoted = false
		case !quoted && strings.HasPrefix(text[at:], w.here) && !inPath(text[:at]):
			at += len(w.here)
			continue
		}
		out.WriteString(text[at : at+n])
		at += n
	}
	return out.String()
}

// inPath tells whether a slash behind text goes on with a path.
func inPath(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return text != "" && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-~", r))
}

// visible stands in for what is not text: plans, archives, labels and answers
// of servers come from others, and some hold escape sequences.
func visible(r rune) rune {
	if r == utf8.RuneError || r != '\n' && r != '\t' && unicode.IsControl(r) {
		return '\u00b7'
	}
	return r
}
