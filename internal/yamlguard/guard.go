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

// Parse reads the one document of a file. The node is nil for a file that holds
// nothing. The text is what places count in; it is given with an error too, for
// messages to show its lines, but for a file that is too large. Keys may be given
// twice: the caller, who walks the tree, finds that.
func Parse(raw []byte, o Options) (text string, body ast.Node, bad *Error) {
	if text, bad = decode(raw); bad == nil {
		body, bad = guard(func() (ast.Node, *Error) { return parse(text, o) })
	}
	return text, body, bad
}

// guard calls the library, whose panics on twisted input are errors here.
func guard(call func() (ast.Node, *Error)) (body ast.Node, bad *Error) {
	defer func() {
		if recover() != nil {
			body, bad = nil, errorf(Pos{1, 1}, "", unreadable)
		}
	}()
	return call()
}

func parse(text string, o Options) (ast.Node, *Error) {
	lines, bad := checkText(text, o)
	if bad != nil {
		return nil, bad
	}
	// The library's own loop starts anew behind each token that is wrong.
	var s scanner.Scanner
	s.Init(text)
	found, _ := s.Scan() // the last token says what is wrong
	var tokens token.Tokens
	tokens.Add(found...)
	if bad := checkTokens(lines, tokens); bad != nil {
		return nil, bad
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxError(lines, err)
	}
	body, bad := onlyBody(file)
	if bad != nil {
		return nil, bad
	}
	m := &measure{anchors: map[string]int{}}
	ast.Walk(m, body)
	return body, m.bad
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

// A measure adds up the values of a document with what aliases repeat, which
// may be each other.
type measure struct {
	anchors map[string]int // the sizes of what they name
	total   int
	bad     *Error
}

// Visit counts a node with what is below it.
func (m *measure) Visit(n ast.Node) ast.Visitor {
	m.total++
	switch n := n.(type) {
	case *ast.AnchorNode:
		before := m.total
		ast.Walk(m, n.Value)
		m.anchors[n.Name.GetToken().Value] = m.total - before
		return nil
	case *ast.AliasNode:
		if m.total += m.anchors[n.Value.GetToken().Value]; m.total > maxNodes && m.bad == nil {
			m.bad = errorf(posOf(n.Start), "", "aliases make the file larger than %d values", maxNodes)
		}
		return nil
	}
	return m
}
