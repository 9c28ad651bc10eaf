package plan

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// A tokenCheck follows the nesting of the lexer's tokens.
type tokenCheck struct {
	src    *source
	tokens token.Tokens
	levels []level
	paths  int
	pairs  int
	nulls  int
	tags   int
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
func checkTokens(src *source, tokens token.Tokens) *Error {
	if bad := tokens.InvalidToken(); bad != nil {
		return src.syntax(posOf(bad), bad.Error)
	}
	if len(tokens) > maxTokens {
		return src.errorf(posOf(tokens[maxTokens]), "the file holds more than bayplan reads")
	}
	c := &tokenCheck{src: src, tokens: tokens}
	for i, tk := range tokens {
		if bad := c.token(i, tk); bad != nil {
			return bad
		}
	}
	return nil
}

func (c *tokenCheck) token(i int, tk *token.Token) *Error {
	pos := posOf(tk)
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
	case token.TagType, token.AnchorType, token.AliasType:
		c.tags++
	case token.StringType:
		if top := c.top(); top != nil && top.flow != 0 && strings.ContainsAny(tk.Value, "[]{}") {
			e := c.src.errorf(pos, "a bracket stands in a text inside of [ ] or { }")
			e.Hint = "quote the text if it is meant"
			return e
		}
	}
	switch {
	case len(c.levels) > maxDepth:
		return c.src.errorf(pos, "this is nested more than %d deep", maxDepth)
	case c.tags > maxTags:
		return c.src.errorf(pos, "more than %d tags, anchors and aliases", maxTags)
	case c.paths > maxPaths, c.pairs > maxPairs, c.nulls*len(c.tokens) > maxShifts:
		return c.src.errorf(pos, "the file holds more than bayplan reads")
	}
	return nil
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
	e := c.src.errorf(Pos{tk.Position.Line, tk.Position.Column - 1}, "a reference inside of [ ] or { } must be quoted")
	e.Hint = `quote it: write "${...}"`
	return e
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
		return c.src.errorf(posOf(k), "this key is longer than %d characters", maxKey)
	}
	top := c.top()
	if top != nil && top.flow != 0 {
		if c.tight(colon, k) {
			e := c.src.errorf(posOf(c.tokens[colon]), "a space is missing behind this :")
			e.Hint = "quote the text if it is meant as one"
			return e
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
		return c.src.errorf(posOf(k), "this mapping has more keys than bayplan reads")
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
