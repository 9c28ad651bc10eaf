package plan

import (
	"github.com/goccy/go-yaml/token"
)

const (
	maxBytes = 1 << 20
	maxNodes = 100_000
)

func checkTokens(src *source, tokens token.Tokens) *Error {
	if bad := tokens.InvalidToken(); bad != nil {
		return src.syntax(posOf(bad), bad.Error)
	}
	return nil
}

func checkText(src *source, text string) *Error { return nil }
