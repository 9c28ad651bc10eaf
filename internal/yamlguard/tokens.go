package yamlguard

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// A tokenCheck follows the nesting of the lexer's tokens.
type tokenCheck struct {
	lines  []string
	tokens token.Tokens
	levels []level
	paths  int
	pairs  int
	nulls  int
	tags   int // tags and anchors in a row, which nest in the parser
}

// A level is a mapping or list that is open.
type level struct {
	col   int        // of its keys or dashes, in block style
	flow  token.Type // what opened it, in flow style
	base  int        // bytes of the path to it
	path  int        // bytes of the path to the entry that is open
	keys  int
	colon bool // the entry that is open has one
}

// checkTokens refuses what the lexer found wrong and what the parser must not
// see.
func checkTokens(lines []string, tokens token.Tokens) *Error {
	if bad := tokens.InvalidToken(); bad != nil {
		return syntax(lines, posOf(bad), bad.Error)
	}
	if len(tokens) > maxTokens {
		return errorf(posOf(tokens[maxTokens]), "", "the file holds more than bayplan reads")
	}
	c := &tokenCheck{lines: lines, tokens: tokens}
	for i, tk := range tokens {
		if bad := c.token(i, tk); bad != nil {
			return bad
		}
	}
	return nil
}

func (c *tokenCheck) token(i int, tk *token.Token) *Error {
	pos := posOf(tk)
	if bad := c.indentation(i, tk); bad != nil {
		return bad
	}
	if c.before(i) != token.AnchorType { // the name of an anchor belongs to it
		c.tags++
		if tk.Type != token.TagType && tk.Type != token.AnchorType {
			c.tags = 0
		}
	}
	switch tk.Type {
	case token.SequenceStartType, token.MappingStartType:
		if bad := c.unquoted(i, tk); bad != nil {
			return bad
		}
		c.levels = append(c.levels, level{flow: tk.Type, base: c.path(), path: c.path() + 6})
	case token.SequenceEndType, token.MappingEndType:
		c.close(tk.Type)
	case token.CollectEntryType:
		c.collect()
	case token.SequenceEntryType:
		c.blockEntry(tk.Position.Column, "[0000]")
		c.empty(i, tk.Position.Column)
	case token.MappingValueType:
		if i > 0 {
			return c.key(i, c.tokens[i-1])
		}
	case token.LiteralType, token.FoldedType:
		if len(tk.Value) > len("|9-") {
			return syntax(c.lines, pos, "invalid header option")
		}
	case token.StringType:
		if top := c.top(); top != nil && top.flow != 0 {
			if bad := flowText(pos, tk); bad != nil {
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
var plainColon = regexp.MustCompile(`:([ \t\n]|$)`)

// flowText refuses what a text without quotes cannot hold inside of [ ] or { },
// where the library reads on: a missing comma would go unnoticed.
func flowText(pos Pos, tk *token.Token) *Error {
	switch raw := strings.TrimSpace(tk.Origin); {
	case strings.ContainsAny(tk.Value, "[]{}"):
		return errorf(pos, "quote the text if it is meant", "a bracket stands in a text inside of [ ] or { }")
	case plainColon.MatchString(raw):
		return errorf(pos, "a comma may be missing before it; quote the text if it is meant", "a : stands inside of a text without quotes")
	}
	return nil
}

// before gives the type of the token before the one at i.
func (c *tokenCheck) before(i int) token.Type {
	if i == 0 {
		return token.UnknownType
	}
	return c.tokens[i-1].Type
}

// indentation refuses a tab among the spaces before a line's first token: the
// lexer lets some pass. Lines that a text goes on over are not looked at.
func (c *tokenCheck) indentation(i int, tk *token.Token) *Error {
	line := tk.Position.Line
	if line > len(c.lines) || (i > 0 && c.tokens[i-1].Position.Line == line) || c.before(i) == token.LiteralType || c.before(i) == token.FoldedType {
		return nil
	}
	rest := strings.TrimLeft(c.lines[line-1], " ")
	first, _, _ := strings.Cut(strings.TrimSpace(tk.Origin), "\n")
	if !strings.HasPrefix(rest, "\t") || !strings.HasPrefix(strings.TrimLeft(rest, " \t"), first) {
		return nil
	}
	return syntax(c.lines, Pos{line, len(c.lines[line-1]) - len(rest) + 1}, "found a tab character")
}

// unquoted finds a reference whose brace YAML takes for a mapping's: it knows
// that nobody else writes a $ right before one.
func (c *tokenCheck) unquoted(i int, tk *token.Token) *Error {
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

// close ends a mapping or list in flow style; a bracket that closes nothing is
// the parser's finding.
func (c *tokenCheck) close(end token.Type) {
	if top := c.top(); top != nil && top.flow != 0 {
		if end == token.MappingEndType && !top.colon {
			c.nulls++
		}
		c.levels = c.levels[:len(c.levels)-1]
	}
}

func (c *tokenCheck) collect() {
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

// blockEntry opens an entry of a mapping or list in block style.
func (c *tokenCheck) blockEntry(col int, key string) *level {
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

// key opens an entry of a mapping; k is the token before its colon.
func (c *tokenCheck) key(colon int, k *token.Token) *Error {
	if len(k.Value) > maxKey {
		return errorf(posOf(k), "", "this key is longer than %d characters", maxKey)
	}
	top := c.top()
	if top != nil && top.flow != 0 {
		if c.tight(colon, k) {
			return errorf(posOf(c.tokens[colon]), `quote the text if it is meant as one, such as "OS::Heat::None"`, "a space is missing behind this :")
		}
		top.colon = true
		top.path = top.base + len(k.Value) + 1
		c.paths += top.path
	} else {
		top = c.blockEntry(k.Position.Column, k.Value)
	}
	top.keys++
	c.pairs += top.keys
	c.empty(colon, k.Position.Column)
	if c.pairs > maxPairs {
		return errorf(posOf(k), "", "this mapping has more keys than bayplan reads")
	}
	return nil
}

// tight says whether a key's value follows its colon with nothing in between,
// which YAML has as one text and the parser as two.
func (c *tokenCheck) tight(colon int, k *token.Token) bool {
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

// empty counts an entry that has no value: the parser puts a token in for it.
func (c *tokenCheck) empty(i, col int) {
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
