package yamlguard

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A tokenCheck follows the nesting of the lexer's tokens and counts what the
// parser spends on them.
type tokenCheck struct {
	Options
	lines  []string
	tokens token.Tokens
	levels []level
	paths  int // bytes of the paths to all entries
	pairs  int // pairs of keys within one mapping, over all mappings
	nulls  int // empty values
	tags   int // tags and anchors in a row, which nest in the parser
}

// A level is an open mapping or list.
type level struct {
	col   int        // of its keys or dashes, in block style
	flow  token.Type // of its opening bracket, in flow style
	base  int        // bytes of the path to the level
	path  int        // bytes of the path to its open entry
	keys  int        // keys so far
	colon bool       // the open entry has a colon
}

// checkTokens refuses tokens that the lexer marks as invalid and tokens that are
// too expensive for the parser.
func checkTokens(lines []string, tokens token.Tokens, o Options) *Error {
	if bad := tokens.InvalidToken(); bad != nil {
		return syntaxError(lines, posOf(bad), bad.Error)
	}
	if len(tokens) > maxTokens {
		return errorf(posOf(tokens[maxTokens]), "", "the file holds more than bayplan reads")
	}
	c := &tokenCheck{Options: o, lines: lines, tokens: tokens}
	for i, tk := range tokens {
		if bad := c.checkToken(i, tk); bad != nil {
			return bad
		}
	}
	return nil
}

func (c *tokenCheck) checkToken(i int, tk *token.Token) *Error {
	pos := posOf(tk)
	if bad := c.checkIndentation(i, tk); bad != nil {
		return bad
	}
	if c.previousType(i) != token.AnchorType { // the name after & is part of the anchor
		c.tags++
		if tk.Type != token.TagType && tk.Type != token.AnchorType {
			c.tags = 0
		}
	}
	switch tk.Type {
	case token.SequenceStartType, token.MappingStartType:
		if bad := c.checkUnquotedReference(i, tk); bad != nil {
			return bad
		}
		c.levels = append(c.levels, level{flow: tk.Type, base: c.path(), path: c.path() + 6})
	case token.SequenceEndType, token.MappingEndType:
		c.closeFlow(tk.Type)
	case token.CollectEntryType:
		c.endFlowEntry()
	case token.SequenceEntryType:
		c.openBlockEntry(tk.Position.Column, "[0000]")
		c.countNull(i, tk.Position.Column)
	case token.MappingValueType:
		if i > 0 {
			return c.openEntry(i, c.tokens[i-1])
		}
	case token.LiteralType, token.FoldedType:
		if len(tk.Value) > len("|9-") {
			return syntaxError(c.lines, pos, "invalid header option")
		}
	case token.StringType:
		if top := c.top(); top != nil && top.flow != 0 {
			if bad := checkFlowText(pos, tk); bad != nil {
				return bad
			}
			if bad := c.checkFlowKey(i, tk, top); bad != nil {
				return bad
			}
		}
	}
	switch {
	case len(c.levels)+c.tags > maxDepth:
		return errorf(pos, "", "this is nested more than %d deep", maxDepth)
	case c.paths > maxPaths, c.pairs > maxPairs, c.nulls*len(c.tokens) > maxShifts:
		return errorf(pos, "", "the file holds more than bayplan reads")
	}
	return nil
}

// plainColon is a colon that ends a key.
var plainColon = lazyregexp.New(`:([ \t\n]|$)`)

// checkFlowText refuses an unquoted text inside [ ] or { } that YAML does not
// allow there. The library accepts it, so that a missing comma goes unnoticed.
func checkFlowText(pos Pos, tk *token.Token) *Error {
	switch raw := strings.TrimSpace(tk.Origin); {
	case strings.ContainsAny(tk.Value, "[]{}"):
		return errorf(pos, "quote the text if it is meant", "a bracket stands in a text inside of [ ] or { }")
	case plainColon.MatchString(raw):
		return errorf(pos, "a comma may be missing before it; quote the text if it is meant", "a : stands inside of a text without quotes")
	}
	return nil
}

// checkFlowKey refuses an entry such as key:value inside of { }: for YAML it is a key
// without a value.
func (c *tokenCheck) checkFlowKey(i int, tk *token.Token, top *level) *Error {
	colon := strings.Index(tk.Value, ":")
	if c.Foreign || top.flow != token.MappingStartType || top.colon || colon <= 0 || i+1 == len(c.tokens) {
		return nil
	}
	if next := c.tokens[i+1].Type; next != token.CollectEntryType && next != token.MappingEndType {
		return nil
	}
	pos := posOf(tk)
	return missingSpace(Pos{pos.Line, pos.Col + utf8.RuneCountInString(tk.Value[:colon])})
}

func missingSpace(pos Pos) *Error {
	return errorf(pos, `quote the text if it is meant as one, such as "OS::Heat::None"`, "a space is missing behind this :")
}

// previousType returns the type of the token before token i.
func (c *tokenCheck) previousType(i int) token.Type {
	if i == 0 {
		return token.UnknownType
	}
	return c.tokens[i-1].Type
}

// checkIndentation refuses a tab before the first token of a line: the lexer
// accepts some of them. Continuation lines of a text are not checked.
func (c *tokenCheck) checkIndentation(i int, tk *token.Token) *Error {
	line := tk.Position.Line
	if line > len(c.lines) || (i > 0 && c.tokens[i-1].Position.Line == line) || c.previousType(i) == token.LiteralType || c.previousType(i) == token.FoldedType {
		return nil
	}
	rest := strings.TrimLeft(c.lines[line-1], " ")
	first, _, _ := strings.Cut(strings.TrimSpace(tk.Origin), "\n")
	if !strings.HasPrefix(rest, "\t") || !strings.HasPrefix(strings.TrimLeft(rest, " \t"), first) {
		return nil
	}
	return syntaxError(c.lines, Pos{line, len(c.lines[line-1]) - len(rest) + 1}, "found a tab character")
}

// checkUnquotedReference refuses an unquoted ${...} inside [ ] or { }, where YAML
// takes the brace for the beginning of a mapping. A text that ends in $ right
// before a { is always such a reference.
func (c *tokenCheck) checkUnquotedReference(i int, tk *token.Token) *Error {
	if i == 0 || tk.Type != token.MappingStartType {
		return nil
	}
	before := c.tokens[i-1]
	if before.Type != token.StringType || !strings.HasSuffix(before.Value, "$") || before.Position.Line != tk.Position.Line {
		return nil
	}
	return errorf(Pos{tk.Position.Line, tk.Position.Column - 1}, `quote it: write "${...}"`, "a reference inside of [ ] or { } must be quoted")
}

func (c *tokenCheck) top() *level {
	if len(c.levels) == 0 {
		return nil
	}
	return &c.levels[len(c.levels)-1]
}

func (c *tokenCheck) path() int {
	if top := c.top(); top != nil {
		return top.path
	}
	return 1
}

// closeFlow ends a mapping or list in flow style. The parser reports a bracket
// that closes nothing.
func (c *tokenCheck) closeFlow(end token.Type) {
	if top := c.top(); top != nil && top.flow != 0 {
		if end == token.MappingEndType && !top.colon {
			c.nulls++
		}
		c.levels = c.levels[:len(c.levels)-1]
	}
}

// endFlowEntry ends an entry at a comma.
func (c *tokenCheck) endFlowEntry() {
	top := c.top()
	if top == nil || top.flow == 0 {
		return
	}
	if top.flow == token.MappingStartType && !top.colon {
		c.nulls++
	}
	top.colon = false
	c.paths += top.path
}

// openBlockEntry opens an entry of a mapping or list in block style.
func (c *tokenCheck) openBlockEntry(col int, key string) *level {
	for top := c.top(); top != nil && top.flow == 0 && top.col > col; top = c.top() {
		c.levels = c.levels[:len(c.levels)-1]
	}
	if top := c.top(); top == nil || top.flow != 0 || top.col < col {
		c.levels = append(c.levels, level{col: col, base: c.path()})
	}
	top := c.top()
	top.path = top.base + len(key) + 1
	c.paths += top.path
	return top
}

// openEntry opens an entry of a mapping. colon is the index of its colon's token,
// k the token before.
func (c *tokenCheck) openEntry(colon int, k *token.Token) *Error {
	if len(k.Value) > maxKey {
		return errorf(posOf(k), "", "this key is longer than %d characters", maxKey)
	}
	top := c.top()
	if top != nil && top.flow != 0 {
		if c.missingSpace(colon, k) {
			return missingSpace(posOf(c.tokens[colon]))
		}
		top.colon = true
		top.path = top.base + len(k.Value) + 1
		c.paths += top.path
	} else {
		top = c.openBlockEntry(k.Position.Column, k.Value)
	}
	top.keys++
	c.pairs += top.keys
	c.countNull(colon, k.Position.Column)
	if c.pairs > maxPairs {
		return errorf(posOf(k), "", "this mapping has more keys than bayplan reads")
	}
	return nil
}

// missingSpace reports whether a value follows the colon of its key directly.
// For YAML key, colon and value are one text then; the parser reads two.
func (c *tokenCheck) missingSpace(colon int, k *token.Token) bool {
	if colon+1 == len(c.tokens) || k.Type == token.SingleQuoteType || k.Type == token.DoubleQuoteType {
		return false
	}
	switch next := c.tokens[colon+1]; next.Type {
	case token.CollectEntryType, token.MappingEndType, token.SequenceEndType, token.MappingStartType, token.SequenceStartType:
		return false
	default:
		return next.Origin != "" && !strings.ContainsAny(next.Origin[:1], " \t\n")
	}
}

// countNull counts an entry if it has no value: the parser inserts a token for it.
func (c *tokenCheck) countNull(i, col int) {
	if i+1 == len(c.tokens) {
		c.nulls++
		return
	}
	next := c.tokens[i+1]
	switch next.Type {
	case token.CollectEntryType, token.MappingEndType, token.SequenceEndType:
		c.nulls++
	default:
		if next.Position.Line != c.tokens[i].Position.Line && next.Position.Column <= col {
			c.nulls++
		}
	}
}
