package plan

import (
	"strings"
	"unicode/utf8"
)

// decodeText makes text of a file's bytes: UTF-8 without a byte order mark, its
// lines ended by \n, and no control characters, which YAML does not allow.
func decodeText(file, dir string, raw []byte) (string, *Error) {
	if len(raw) > maxBytes {
		return "", &Error{File: file, Pos: Pos{1, 1}, Msg: "the file is larger than 1 MiB"}
	}
	text := strings.TrimPrefix(string(raw), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	line, col := 1, 1
	for i, r := range text {
		what := ""
		switch {
		case r == '\n':
			line, col = line+1, 0
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			what = "this is not UTF-8 text"
		case r < ' ' && r != '\t', r == 0x7f, r >= 0x80 && r < 0xa0 && r != 0x85, r == '\ufeff', r == '\ufffe', r == '\uffff':
			what = "a control character stands here"
		}
		if what != "" {
			src := newSource(file, dir, strings.ToValidUTF8(text, "\ufffd"))
			return "", src.errorf(Pos{line, col}, "%s", what)
		}
		col++
	}
	return text, nil
}
