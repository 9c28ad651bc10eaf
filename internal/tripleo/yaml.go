package tripleo

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a YAML file. The parser takes time in the square of the nesting.
const (
	maxFile    = 1 << 20
	maxNesting = 100
	maxNodes   = 200_000 // with every alias written out
)

// readYAML reads the one document of a YAML file. An empty file is a null.
func readYAML(open Open, path string) (*node, error) {
	text, err := readFile(open, path)
	if err != nil {
		return nil, err
	}
	return parseYAML(path, text)
}

func parseYAML(path, text string) (*node, error) {
	tokens := lexer.Tokenize(strings.TrimPrefix(text, "\ufeff"))
	if err := checkTokens(path, tokens); err != nil {
		return nil, err
	}
	// Duplicate keys are told by the walk, which knows the file.
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxError(path, err)
	}
	body, err := onlyDocument(path, file)
	if err != nil {
		return nil, err
	}
	w := walker{file: path, anchors: map[string]*node{}}
	return w.node(body)
}

func readFile(open Open, path string) (string, error) {
	f, err := open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, bare(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, bare(err))
	}
	if len(text) > maxFile {
		return "", fmt.Errorf("%s: more than %d MiB is too much for a YAML file to be read", path, maxFile>>20)
	}
	return string(text), nil
}

// checkTokens refuses what would keep the parser busy for minutes, and what it
// reads differently from others.
func checkTokens(path string, tokens token.Tokens) error {
	flow, opened := 0, 0
	for _, t := range tokens {
		place := Place{path, t.Position.Line}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.MappingValueType:
			if flow > 0 && splitsName(t) {
				// What stands there is not repeated: it may be a password.
				return place.errorf("inside { } a name with colons, like OS::Heat::None, must be in quotes")
			}
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			if opened++; opened > maxNesting {
				return place.errorf("more than %d collections begin in one place", maxNesting)
			}
			continue
		}
		opened = 0
		if flow > maxNesting {
			return place.errorf("brackets are nested more than %d deep", maxNesting)
		}
	}
	return nil
}

// splitsName says whether a colon was taken for the end of a key though it
// stands inside a plain name: {OS::Heat::None: x} becomes a key "OS" for this
// parser, and for no other.
func splitsName(colon *token.Token) bool {
	before, after := colon.Prev, colon.Next
	if before == nil || after == nil || after.Position.Line != colon.Position.Line {
		return false
	}
	switch before.Type {
	case token.SingleQuoteType, token.DoubleQuoteType, token.SequenceEndType, token.MappingEndType:
		return false
	}
	switch after.Type {
	case token.CollectEntryType, token.SequenceEndType, token.MappingEndType:
		return false
	}
	return after.Position.Column == colon.Position.Column+1
}

// quoted matches what the parser repeats of a file.
var quoted = regexp.MustCompile(`:? *"[^"]*"`)

func syntaxError(path string, err error) error {
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		// What stands there is not repeated: it may be a password.
		return Place{path, syntax.GetToken().Position.Line}.errorf("%s", quoted.ReplaceAllString(syntax.GetMessage(), ""))
	}
	return fmt.Errorf("%s: %w", path, err)
}

func onlyDocument(path string, file *ast.File) (ast.Node, error) {
	var body ast.Node
	for _, doc := range file.Docs {
		if _, directive := doc.Body.(*ast.DirectiveNode); doc.Body == nil || directive {
			continue
		}
		if body != nil {
			return nil, Place{path, doc.GetToken().Position.Line}.errorf("a second YAML document; one is read")
		}
		body = doc.Body
	}
	return body, nil
}
