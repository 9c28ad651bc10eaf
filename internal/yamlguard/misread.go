package yamlguard

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// Texts that the YAML library does not read as YAML says. They are refused,
// since a text that is silently another one is worse than one to write anew.
var (
	// A plain text ends where a comment begins, and a tab in it belongs to it;
	// the library goes on over the one and drops the other.
	plainComment = regexp.MustCompile(`[ \t\n]#`)
	// It does not read a further line right that begins with a dash.
	plainDash = regexp.MustCompile(`\n[ \t]*-`)
	// A tab before a line's end is no part of a quoted text.
	tabAtEnd = regexp.MustCompile(`\t *\n`)
	// An escaped space before a line's end stays, and so do the spaces before
	// an escaped line end.
	escapedEnd = regexp.MustCompile(`\\[ t][ \t]*\n|\\\n[ \t]*\n`)
)

// Misread says what is wrong with a text that would not be read right, and what
// to do about it; "" for one that is. The text begins at start, its raw text is
// in tk; ended says that the file's last line has its line end.
// Parse refuses what changes a file's structure; this is about white space and
// comments inside of one value. A reader that takes names and numbers out of the
// files of other programs need not ask.
func Misread(start, tk *token.Token, ended bool) (msg, hint string) {
	switch start.Type {
	case token.StringType:
		raw := strings.TrimSpace(tk.Origin)
		switch {
		case strings.Contains(raw, "\t"):
			return "a tab stands inside of a text without quotes", "quote the text, or write a space"
		case plainComment.MatchString(raw):
			return "a comment stands inside of a text that goes over several lines", "quote the text"
		case plainDash.MatchString(raw):
			return "a line of this text begins with a -", "quote the text; a list begins below its key, with nothing behind the colon"
		}
	case token.SingleQuoteType, token.DoubleQuoteType:
		switch {
		case tabAtEnd.MatchString(tk.Origin):
			return "a tab stands at the end of a line of this text", "take it off"
		case start.Type == token.DoubleQuoteType && escapedEnd.MatchString(tk.Origin):
			return "an escaped space or line end stands at the end of a line of this text", "write the text on one line"
		}
	case token.LiteralType, token.FoldedType:
		switch {
		case strings.TrimSpace(tk.Value) == "":
			return "the text that | or > announces is missing", `write "" for empty text`
		case tk.Next == nil && !ended:
			return "the last line of this text, and of the file, has no end", "put a line end there"
		case trailing(tk.Origin):
			return "the last line of this text ends in spaces", "take them off, or write the text in quotes"
		}
	}
	return "", ""
}

// trailing says whether the last line that is not empty ends in white space,
// which the library takes off when it should not.
func trailing(text string) bool {
	text = strings.TrimRight(text, "\n")
	for {
		at := strings.LastIndexByte(text, '\n')
		last := text[at+1:]
		if strings.TrimSpace(last) != "" {
			return strings.TrimRight(last, " \t") != last
		}
		if at < 0 {
			return false
		}
		text = text[:at]
	}
}
