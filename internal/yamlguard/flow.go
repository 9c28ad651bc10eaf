package yamlguard

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// joinTexts puts texts inside of { } together again that the lexer has cut at a colon.
// In YAML a colon ends a key only if white space, a comma or a bracket follows. So
// quay.io/x/y:v1 is one text, and OS::A: b is the key OS::A with a value.
func joinTexts(found []*token.Token) (token.Tokens, *Error) {
	var out []*token.Token
	flow := 0
	for i := 0; i < len(found); i++ {
		tk := found[i]
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		}
		if flow > 0 && beginsText(found, i) {
			next := found[i+1]
			found[i+1] = token.New(":"+next.Value, tk.Origin+next.Origin, tk.Position)
			continue
		}
		if flow == 0 || !cutAt(found, i) {
			out = append(out, tk)
			continue
		}
		raw, value := tk.Origin, tk.Value
		for cutAt(found, i) {
			next := found[i+2]
			text := next.Value
			if next.Type == token.SingleQuoteType || next.Type == token.DoubleQuoteType {
				text = strings.TrimSpace(next.Origin) // inside of a text, quotes are characters
			}
			raw, value = raw+":"+next.Origin, value+":"+text
			i += 2
		}
		parts := splitKey(tk, raw, value)
		if last := parts[len(parts)-1]; len(parts) == 3 && strings.ContainsAny(last.Value[:1], "\"'&*!|>%@`#") {
			// The lexer has taken the value for a part of the text, to a comma inside of it.
			return nil, errorf(posOf(last), "quote the key", "behind a key with a colon in it, bayplan reads only a text without quotes")
		}
		out = append(out, parts...)
	}
	var tokens token.Tokens
	tokens.Add(out...)
	return tokens, nil
}

// beginsText reports whether token i is a colon with which a text begins.
func beginsText(found []*token.Token, i int) bool {
	if i == 0 || i+1 == len(found) || found[i].Type != token.MappingValueType || !isPlain(found[i+1]) {
		return false
	}
	next := found[i+1].Origin
	before := []token.Type{token.CollectEntryType, token.SequenceStartType, token.MappingStartType}
	return slices.Contains(before, found[i-1].Type) && next != "" && !strings.ContainsAny(next[:1], " \t\n")
}

// cutAt reports whether token i is a text that goes on behind the colon that follows it.
func cutAt(found []*token.Token, i int) bool {
	if i+2 >= len(found) || found[i+1].Type != token.MappingValueType || !isPlain(found[i]) || !isText(found[i+2]) {
		return false
	}
	raw, next := found[i].Origin, found[i+2].Origin
	return strings.TrimRight(raw, " \t\n") == raw && next != "" && !strings.ContainsAny(next[:1], " \t\n")
}

// isPlain reports whether a token is a text without quotes.
func isPlain(tk *token.Token) bool {
	return slices.Contains([]token.Type{
		token.StringType, token.IntegerType, token.FloatType, token.BoolType, token.NullType,
		token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.InfinityType, token.NanType, token.MergeKeyType,
	}, tk.Type)
}

func isText(tk *token.Token) bool {
	return isPlain(tk) || tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType
}

// splitKey makes tokens of a text that begins where tk does: one, or a key, its colon
// and its value.
func splitKey(tk *token.Token, raw, value string) []*token.Token {
	at, inValue := plainColon.FindStringIndex(raw), strings.Index(value, ": ")
	if at == nil || inValue < 0 && !strings.HasSuffix(value, ":") {
		return []*token.Token{token.New(value, raw, tk.Position)}
	}
	if inValue < 0 {
		inValue = len(value) - 1
	}
	key := token.New(strings.TrimSpace(value[:inValue]), raw[:at[0]], tk.Position)
	colon := token.MappingValue(after(tk.Position, strings.TrimLeft(raw[:at[0]], " \t\n")))
	tokens := []*token.Token{key, colon}
	if rest := strings.TrimSpace(value[inValue+1:]); rest != "" {
		below := raw[at[0]+1:]
		start := strings.TrimLeft(raw[:at[0]], " \t\n") + ":" + below[:len(below)-len(strings.TrimLeft(below, " \t\n"))]
		tokens = append(tokens, token.New(rest, below, after(tk.Position, start)))
	}
	return tokens
}

// after returns the position behind a text.
func after(pos *token.Position, text string) *token.Position {
	moved := *pos
	moved.Offset += len(text)
	if n := strings.Count(text, "\n"); n > 0 {
		moved.Line += n
		moved.Column = 1
		text = text[strings.LastIndex(text, "\n")+1:]
	}
	moved.Column += utf8.RuneCountInString(text)
	return &moved
}
