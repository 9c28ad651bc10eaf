// Package yamlguard makes the YAML library safe for files from any source. It
// limits time and memory, turns panics and the library's messages into errors
// in plain words with a place, and refuses texts that the library does not read
// as the YAML specification says.
//
// This package holds what every reader of YAML needs: limits that protect the
// slow loops of the library, checks for texts that it misreads, and words for
// its errors. The packages that read files (plan, tripleo and glance) decide
// what the values mean, which keys a file may hold, how aliases are copied and
// how an error is shown with its file. No error quotes the file, because a file
// may hold passwords.
package yamlguard

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

// A Pos is a place in a text. Lines and columns count from 1; columns count
// characters. After a tab, the columns that the library reports are too small.
type Pos struct{ Line, Col int }

// An Error says why a text is refused.
type Error struct {
	Pos  Pos
	Msg  string // what is wrong, one line
	Hint string // what to do about it, or ""
}

// Error returns the message with its hint. The place is not in it: callers name
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

// Options say what a file may hold besides its one document.
type Options struct {
	Directives bool // lines such as %YAML 1.1 before the document
	// Foreign reads the file of another program as that program reads it, also where
	// people mean something else: {a:b} is a key without a value.
	Foreign bool
}

// Parse reads the one document of a file. The node is nil when the file is
// empty. Places refer to lines of the returned text. Parse returns the text with
// an error too, so that messages can show its lines, unless the file is too
// large. Parse accepts duplicate keys: the caller walks the tree and finds them.
func Parse(raw []byte, o Options) (text string, body ast.Node, bad *Error) {
	if text, bad = decode(raw); bad == nil {
		body, bad = catchPanic(func() (ast.Node, *Error) { return parse(text, o) })
	}
	return text, body, bad
}

// catchPanic calls the library and turns a panic, which malformed input can
// cause, into an error.
func catchPanic(call func() (ast.Node, *Error)) (body ast.Node, bad *Error) {
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
	// Scan once only: the library's own loop starts again after each invalid token.
	var s scanner.Scanner
	s.Init(text)
	found, _ := s.Scan() // the last token holds the error
	tokens, bad := joinTexts(found)
	if bad != nil {
		return nil, bad
	}
	if bad := checkTokens(lines, tokens, o); bad != nil {
		return nil, bad
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, translateError(lines, err)
	}
	body, bad := singleDocument(file)
	if bad != nil {
		return nil, bad
	}
	m := &valueCounter{anchors: map[string]int{}}
	ast.Walk(m, body)
	return body, m.bad
}

// singleDocument returns the content of the file's document, and an error at a
// second one.
func singleDocument(file *ast.File) (body ast.Node, bad *Error) {
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

// A valueCounter counts the values of a document as if each alias were a copy.
// Anchored values may hold aliases themselves, so the count can grow exponentially.
type valueCounter struct {
	anchors map[string]int // by name: the number of values below the anchor
	total   int
	bad     *Error
}

// Visit counts a node and the nodes below it.
func (m *valueCounter) Visit(n ast.Node) ast.Visitor {
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
