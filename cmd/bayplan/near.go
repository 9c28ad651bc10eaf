package main

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A nearWriter shows paths below the working directory as a person there would
// write them, and nothing that a terminal would obey. It is for text that is
// written in whole lines.
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
		text = strings.ReplaceAll(text, w.here, "")
	}
	if _, err := io.WriteString(w.out, strings.Map(visible, text)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// visible stands in for what is not text: plans, archives, labels and answers
// of servers come from others, and some hold escape sequences.
func visible(r rune) rune {
	if r == utf8.RuneError || r != '\n' && r != '\t' && unicode.IsControl(r) {
		return '\u00b7'
	}
	return r
}
