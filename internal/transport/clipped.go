package transport

import (
	"errors"
	"net/textproto"
	"strings"
)

// clipped says whether an answer ended within its header. net/http reads the
// torn line as if it were whole, and complains of what it says.
func clipped(err error) bool {
	const status, answer = `malformed HTTP status code "`, `malformed HTTP response "`
	var protocol textproto.ProtocolError
	if errors.As(err, &protocol) {
		text := string(protocol)
		return strings.Contains(text, "missing colon") || strings.HasSuffix(text, `\r"`)
	}
	text := strings.TrimSuffix(err.Error(), `"`)
	if _, code, ok := strings.Cut(text, status); ok {
		return len(code) < len("200") && strings.Trim(code, "0123456789") == ""
	}
	// A whole line without any sense is rather no HTTP at all.
	_, line, ok := strings.Cut(text, answer)
	return ok && line != "" && strings.HasPrefix("HTTP/1.1 ", line)
}
