package yamlguard

import (
	"strings"

	"github.com/goccy/go-yaml/token"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// Patterns of texts that the YAML library misreads. Misread refuses them: a text
// that changes silently is worse than one that has to be written differently.
var (
	// In YAML a plain text ends where a comment begins, and a tab inside is part
	// of the text. The library reads on past the comment and drops the tab.
	plainComment = lazyregexp.New(`[ \t\n]#`)
	// The library misreads a continuation line of a plain text that begins with
	// a dash.
	plainDash = lazyregexp.New(`\n[ \t]*-`)
	// In YAML a tab before a line end is not part of a quoted text.
	tabAtEnd = lazyregexp.New(`\t *\n`)
	// In YAML an escaped space before a line end stays, and so do the spaces
	// before an escaped line end.
	escapedEnd = lazyregexp.New(`\\[ t][ \t]*\n|\\\n[ \t]*\n`)
)

// Misread reports a value that the library misreads: what is wrong with it and
// what to do about it. msg is "" for a value that the library reads correctly.
// start is the value's first token, tk the token that holds its raw text. ended
// says that the last line of the file has a line end.
//
// Misread is about white space and comments inside one value; Parse refuses what
// would change the structure of a file. A reader that only takes names and
// numbers from files of other programs does not need Misread.
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
			return "a tab stands at the end of a line of this text", "remove it"
		case start.Type == token.DoubleQuoteType && escapedEnd.MatchString(tk.Origin):
			return "an escaped space or line end stands at the end of a line of this text", "write the text on one line"
		}
	case token.LiteralType, token.FoldedType:
		switch {
		case strings.TrimSpace(tk.Value) == "":
			return "the text that | or > announces is missing", `write "" for empty text`
		case tk.Next == nil && !ended:
			return "the last line of this text, and of the file, has no end", "put a line end there"
		case endsInSpace(tk.Origin):
			return "the last line of this text ends in spaces", "remove them, or quote the text"
		}
	}
	return "", ""
}

// endsInSpace reports whether the last non-empty line ends in white space. The
// library removes that white space, which YAML keeps.
func endsInSpace(text string) bool {
	text = strings.TrimRight(text, "\n")
	for {
		lineEnd := strings.LastIndexByte(text, '\n')
		last := text[lineEnd+1:]
		if strings.TrimSpace(last) != "" {
			return strings.TrimRight(last, " \t") != last
		}
		if lineEnd < 0 {
			return false
		}
		text = text[:lineEnd]
	}
}
