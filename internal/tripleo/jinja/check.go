package jinja

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// Limits of a template. Lists of a release's images are far below them.
const (
	maxTags    = 10_000 // {{ }} and {% %}
	maxTokens  = 200    // tokens in one of them
	maxNesting = 50     // if in if, and brackets in brackets
)

// check refuses a template, before it is parsed, whose rendering could take more
// time or memory than in proportion to its length.
func check(text string, settings *config.Config) error {
	c := checker{}
	s := tokens.LexAll(text, settings)
	for ; !s.End(); s.Next() {
		if err := c.token(s.Current()); err != nil {
			return err
		}
	}
	if t := s.Current(); t != nil && t.Type == tokens.Error {
		return &Error{max(t.Line, c.line), notUnderstood(t.Val)}
	}
	return nil
}

// notUnderstood says why the rest of a template cannot be parsed. text is a short
// reason of the library, or that rest.
func notUnderstood(text string) string {
	if strings.HasPrefix(text, "unclosed") {
		return text
	}
	return "the rest cannot be parsed; is a quote missing?"
}

// A checker checks a template token by token.
type checker struct {
	tags     int
	length   int // of the tag, in tokens; 0: outside
	brackets int
	ifs      int
	set      bool // the tag is a set that has not assigned anything yet
	pipe     bool // the token before was a pipe
	line     int  // of the token before
}

func (c *checker) token(t *tokens.Token) error {
	fail := func(format string, args ...any) error {
		return &Error{t.Line, fmt.Sprintf(format, args...)}
	}
	c.line = t.Line
	switch t.Type {
	case tokens.BlockBegin, tokens.VariableBegin:
		c.length, c.brackets, c.set = 1, 0, false
		if c.tags++; c.tags > maxTags {
			return fail("more than %d {{ }} and {%% %%}", maxTags)
		}
		return nil
	case tokens.BlockEnd, tokens.VariableEnd:
		c.length = 0
		if c.set {
			return fail("set takes one name and its value: {%% set name = value %%}")
		}
		return nil
	case tokens.Whitespace, tokens.Data:
		return nil
	}
	if c.length == 0 {
		return nil
	}
	c.length++
	if c.length > maxTokens {
		return fail("more than %d words and signs between { and }", maxTokens)
	}
	return c.tagToken(t, fail)
}

// tagToken checks a token between { and }.
func (c *checker) tagToken(t *tokens.Token, fail func(string, ...any) error) error {
	if c.set && (c.length == 3 && t.Type != tokens.Name || c.length == 4 && t.Type != tokens.Assign) {
		return fail("set takes one name and its value: {%% set name = value %%}")
	}
	filter := c.pipe && t.Type == tokens.Name
	c.pipe = t.Type == tokens.Pipe
	if filter && !slices.Contains(filterNames, t.Val) {
		return fail("the filter %q is not supported in a list of images; there are %s", t.Val, strings.Join(filterNames, ", "))
	}
	switch t.Type {
	case tokens.Name:
		return c.firstWord(t.Val, fail)
	case tokens.Assign:
		c.set = false
	case tokens.Multiply, tokens.Power, tokens.Modulo:
		return fail("the operator %s is not supported in a list of images", strings.TrimSpace(t.Val))
	case tokens.String:
		if len(t.Val) > maxText {
			return fail("a text of more than %d characters", maxText)
		}
	case tokens.LeftBrace, tokens.LeftBracket, tokens.LeftParenthesis:
		if c.brackets++; c.brackets > maxNesting {
			return fail("brackets are nested more than %d deep", maxNesting)
		}
	}
	return nil
}

// firstWord checks the first word of a tag; it ignores other words.
func (c *checker) firstWord(word string, fail func(string, ...any) error) error {
	if c.length != 2 {
		return nil
	}
	switch word {
	case "if":
		if c.ifs++; c.ifs > maxNesting {
			return fail("if is nested more than %d deep", maxNesting)
		}
	case "endif":
		c.ifs--
	case "set":
		c.set = true
	}
	return nil
}
