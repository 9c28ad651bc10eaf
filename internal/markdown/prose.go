package markdown

import (
	"strings"
	"unicode"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// pieces splits prose into texts in back quotes, comparisons, files that the shell makes of a
// command's output, quotes, settings in braces, braces or brackets, words, and white space.
var pieces = lazyregexp.New("`[^`]*`" + `|[\w.]+ [=!]= '[^'\n]*'|\w+ <\([^()\n]*\)|"[^"\n]*"|[a-z_]+: \{[^{}]*\}|(?:[^\s(){}"]*\{[^{}]*\})+[^\s(){}".,;:]*|\$+\{|\w*\[[^\]\n]*\]|[^\s"{[]+|\s+|.`)

// A quotedWord needs its quotes neither in a plan nor on a command line, nor does a command.
var quotedWord = lazyregexp.New(`^"(?:[a-z_]+|bayplan [^"]+)"$`)

// wholly is a piece that is code as it is.
var wholly = lazyregexp.New(`^(?:[\w.]+ [=!]= '.*'|\w+ <\(.*\))$`)

// Prose gives plain text as Markdown: what a plan or a command line would hold is set as
// code, and nothing else of it means anything to Markdown.
func Prose(text string) string {
	var out strings.Builder
	for _, piece := range pieces.FindAllString(strings.TrimSpace(text), -1) {
		switch {
		case strings.TrimSpace(piece) == "":
			out.WriteByte(' ')
		case len(piece) > 1 && piece[0] == '`':
			out.WriteString(piece)
		case quotedWord.MatchString(piece):
			out.WriteString(Code(strings.Trim(piece, `"`)))
		case len(piece) > 1 && strings.ContainsAny(piece, `"{[`), wholly.MatchString(piece):
			out.WriteString(Code(piece))
		default:
			out.WriteString(word(piece))
		}
	}
	return out.String()
}

// literal is a word that is written as it is, such as a path, a flag or the name of a setting.
var literal = lazyregexp.New(`^(?:--[a-z][a-z-]*|-[a-z]|[a-z][a-z0-9]*(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z]+)+|~?/\S*|\S*[*<>|@=?]\S*|[\w.-]+(?:/[\w.{}*-]+)+|\w+:(?:/\S*|[A-Z]+)|\$.*)$`)

// word gives a word as Markdown. Punctuation around it is no part of it.
func word(w string) string {
	core := strings.TrimLeft(w, "('")
	before := w[:len(w)-len(core)]
	core = strings.TrimRight(core, ",;)'")
	if !strings.HasSuffix(core, "...") {
		core = strings.TrimRight(core, ".,;:)'")
	}
	after := w[len(before)+len(core):]
	if core != "" && literal.MatchString(core) {
		return Escape(before) + Code(core) + Escape(after)
	}
	return Escape(w)
}

// Escape takes from text what it means to Markdown.
func Escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", "`", "\\`").Replace(text)
}

// Anchor gives the anchor that a forge makes of a heading.
func Anchor(heading string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			out.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			out.WriteRune(r)
		}
	}
	return out.String()
}
