package yamlguard

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml/token"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// unreadable is the message for an error that has no better words.
const unreadable = "bayplan cannot read this as YAML"

// translateError turns an error of the library into an Error. The library's
// messages may quote the file, so only known messages are shown, in our words.
func translateError(lines []string, err error) *Error {
	var libErr interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if !errors.As(err, &libErr) {
		return errorf(Pos{1, 1}, "", unreadable)
	}
	return syntaxError(lines, posOf(libErr.GetToken()), libErr.GetMessage())
}

// syntaxError makes an Error from a message of the library, with the hint that
// most likely helps.
func syntaxError(lines []string, pos Pos, msg string) *Error {
	wording, hint := translateMessage(msg)
	line := lines[max(1, min(pos.Line, len(lines)))-1]
	if bracedValue.MatchString(line) {
		hint = "a value that begins with { or [ and is meant as text must be quoted"
	}
	return errorf(pos, hint, "%s", wording)
}

// bracedValue matches a line whose value begins with a bracket and continues
// after the closing one.
var bracedValue = lazyregexp.New(`(:|-)[ \t]+(\{[^}]*\}|\[[^\]]*\])[^ \t,\]}]`)

// wordings maps beginnings of the library's messages to our words.
var wordings = []struct{ theirs, ours, hint string }{
	{"found character '\t'", "a tab stands where only spaces may", "indent with spaces"},
	{"tab character cannot", "a tab stands where only spaces may", "indent with spaces"},
	{"found a tab character", "a tab stands where only spaces may", "indent with spaces"},
	{"could not find end character of double-quoted", "the closing \" of this text is missing", ""},
	{"could not find end character of single-quoted", "the closing ' of this text is missing", "a ' inside of '...' is written ''"},
	{"found unknown escape character", "this text holds a \\ that YAML does not know", `write \\ for a backslash, or use '...'`},
	{"not enough length for escaped", "this text holds an incomplete \\u", ""},
	{"found unexpected character after high surrogate", "this text holds an incomplete \\u", ""},
	{"found unexpected low surrogate", "this text holds an incomplete \\u", ""},
	{"found unexpected document separator", "a line of --- or ... stands inside of a quoted text", ""},
	{"found invalid tag character", "this tag holds a bracket", ""},
	{"invalid header option", "what follows | or > is not known", "| and > may be followed by -, + and an indentation"},
	{"invalid number of indent is specified in", "the lines of this text are not indented as its | or > says", ""},
	{"invalid number of indent", "the lines of this text are not indented alike", ""},
	{"could not find multi-line content", "the text that | or > announces is missing", ""},
	{"',' or ']' must be specified", "a , or ] is missing before this", ""},
	{"',' or '}' must be specified", "a , or } is missing before this", ""},
	{"sequence end token ']' not found", "this [ is never closed", ""},
	{"could not find flow mapping end token '}'", "this { is never closed", ""},
	{"could not find flow map content", "something is missing inside of { }", ""},
	{"expected sequence element, but found ','", "an item is missing before this ,", ""},
	{"could not find '[' character", "this ] closes nothing", ""},
	{"could not find '{' character", "this } closes nothing", ""},
	{"mapping value is not allowed in this context", "a second : stands in one value", "look at the indentation of the line below; quote the value if it is meant as text"},
	{"value is not allowed in this context", "this does not belong here", "look at its indentation, and at the line before"},
	{"non-map value is specified", "this is not a key: value pair", "look at its indentation, and for a missing :"},
	{"unexpected key name", "this key is missing, or goes over more than one line", "look at its indentation, and for a missing : in the line before"},
	{"map key definition includes", "this key goes over more than one line", ""},
	{"found an invalid key for this map", "the key before this : is missing, or is not text", ""},
	{"block sequence entries are not allowed", "a list cannot begin on the line of its key", "begin a new line before the -"},
	{"sequence entries are not allowed after anchor", "a list cannot begin on the line of its anchor", "begin a new line before the -"},
	{"undefined anchor", "this & has no name or no value", "quote the value if it is meant as text"},
	{"undefined alias", "this * has no name", "quote the value if it is meant as text"},
	{"could not find anchor value", "this & has no value", "quote the value if it is meant as text"},
	{"could not find alias value", "this * has no name", "quote the value if it is meant as text"},
	{"anchors cannot be used consecutively", "two anchors stand before one value", ""},
	{"anchor is not allowed", "an anchor stands where no value may", ""},
	{"tag is not allowed", "a tag stands where no value may", ""},
	{"undefined directive value", "a value cannot begin with %", "quote it"},
	{"unexpected directive value", "a value cannot begin with %", "quote it"},
	{"unexpected scalar value type", "this does not belong before a value", ""},
	{"could not find map", "a mapping is missing here", ""},
	{"unexpected end content", "nothing may follow the end of the document", ""},
}

// translateMessage returns our words for a message of the library, and a hint.
func translateMessage(msg string) (ours, hint string) {
	for _, w := range wordings {
		if strings.HasPrefix(msg, w.theirs) {
			return w.ours, w.hint
		}
	}
	if strings.HasSuffix(msg, "is a reserved character") {
		return "a value cannot begin with @ or `", "quote it"
	}
	return unreadable, ""
}
