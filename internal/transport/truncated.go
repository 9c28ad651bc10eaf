package transport

import (
	"errors"
	"net/textproto"
	"strings"
)

// headerTruncated reports whether an answer ended within its header. net/http
// reads the truncated line as if it were complete, and its error is about the
// content of that line.
func headerTruncated(err error) bool {
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
	// A complete line without meaning is not HTTP at all.
	_, line, ok := strings.Cut(text, answer)
	return ok && line != "" && strings.HasPrefix("HTTP/1.1 ", line)
}
