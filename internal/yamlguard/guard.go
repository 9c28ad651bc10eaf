// Package yamlguard makes the YAML library safe to use on files from anywhere.
// It bounds time and memory, turns panics and the library's messages into
// errors in plain words with a place, and refuses texts that the library reads
// otherwise than YAML says.
//
// Here belongs what every reader of YAML needs: a limit that stands before a
// slow loop of the library, a text that it misreads, the words for an error of
// its own. What the values mean, which keys a file may hold, how deep copies of
// aliases are made and how an error is shown with its file belong to the
// packages that read: plan, tripleo and glance. No error quotes the file, which
// may hold passwords.
package yamlguard

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

// A Pos is a place in a text. Lines and columns count from 1, columns in
// characters. Behind a tab the library's columns are too small.
type Pos struct{ Line, Col int }

// An Error says why a text is not read.
type Error struct {
	Pos  Pos
	Msg  string // what is wrong, one line
	Hint string // what to do about it, or ""
}

// Error gives the message with its hint, without the place: the callers name
// the file and the line in their own way.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Msg
	}
	return e.Msg + "; " + e.Hint
}

func errorf(pos Pos, hint, format string, args ...any) *Error {
	return &Error{Pos: pos, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

// Options say what a kind of file may hold besides its one document.
type Options struct {
	Directives bool // lines such as %YAML 1.1 before the document
}

// Parse reads the one document of a text that Text gave. The node is nil for a
// file that holds nothing. Keys may be given twice: the caller, who walks the
// tree, finds that with the rest.
func Parse(text string, o Options) (ast.Node, *Error) {
	lines, bad := checkText(text, o)
	if bad != nil {
		return nil, bad
	}
	var tokens token.Tokens
	bad = guard(lines, func() (err error) {
		tokens, err = tokenize(text)
		return err
	})
	if bad == nil {
		bad = checkTokens(lines, tokens)
	}
	if bad != nil {
		return nil, bad
	}
	var file *ast.File
	bad = guard(lines, func() (err error) {
		file, err = parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
		return err
	})
	if bad != nil {
		return nil, bad
	}
	body, bad := onlyBody(file)
	if bad == nil {
		bad = checkAliases(body)
	}
	return body, bad
}

// tokenize stops at the first token that is wrong. The library's own function
// goes on, and starts anew at each.
func tokenize(text string) (tokens token.Tokens, err error) {
	if text == "" {
		return nil, nil
	}
	var s scanner.Scanner
	s.Init(text)
	found, err := s.Scan()
	tokens.Add(found...)
	if tokens.InvalidToken() != nil {
		return tokens, nil // checkTokens words it
	}
	return tokens, err
}

// guard calls the library, whose panics on twisted input are errors here.
func guard(lines []string, call func() error) (bad *Error) {
	defer func() {
		if recover() != nil {
			bad = errorf(Pos{1, 1}, "", unreadable)
		}
	}()
	if err := call(); err != nil {
		return syntaxError(lines, err)
	}
	return nil
}

// onlyBody gives the content of the one document that the file may hold.
func onlyBody(file *ast.File) (body ast.Node, bad *Error) {
	for _, doc := range file.Docs {
		if doc == nil || doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if body != nil {
			return nil, errorf(posOf(doc.Body.GetToken()), "", secondDocument)
		}
		body = doc.Body
	}
	return body, nil
}

func posOf(tk *token.Token) Pos {
	if tk == nil || tk.Position == nil {
		return Pos{1, 1}
	}
	return Pos{tk.Position.Line, tk.Position.Column}
}

// A measure adds up the values of a document with what aliases repeat.
type measure struct {
	anchors map[string]int // the sizes of what they name
	bad     *Error
	total   int
}

// checkAliases refuses aliases that repeat each other into something huge.
func checkAliases(body ast.Node) *Error {
	m := &measure{anchors: map[string]int{}}
	m.count(body)
	return m.bad
}

// count gives how many values a node stands for.
func (m *measure) count(n ast.Node) int {
	before := m.total
	m.total++
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			m.count(v)
		}
	case *ast.MappingValueNode:
		m.count(n.Key)
		m.count(n.Value)
	case *ast.MappingKeyNode:
		m.count(n.Value)
	case *ast.SequenceNode:
		for _, v := range n.Values {
			m.count(v)
		}
	case *ast.TagNode:
		m.count(n.Value)
	case *ast.AnchorNode:
		m.anchors[n.Name.GetToken().Value] = m.count(n.Value)
	case *ast.AliasNode:
		if m.total += m.anchors[n.Value.GetToken().Value]; m.total > maxNodes && m.bad == nil {
			m.bad = errorf(posOf(n.Start), "", "aliases make the file larger than %d values", maxNodes)
		}
	}
	return m.total - before
}
