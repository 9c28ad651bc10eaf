package cloudserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxBody is the largest request body, except for image data.
const maxBody = 1 << 20

// A refusal is an error for the client, with its status code.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return r.text }

func refuse(code int, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// asRefusal turns any error into one for the client.
func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return &refusal{http.StatusInternalServerError, err.Error()}
}

// writeJSON sends v with the given status code.
func writeJSON(w http.ResponseWriter, code int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body) // fails only when the client has gone
	return nil
}

// readJSON decodes the request's body into v.
func readJSON(r *http.Request, v any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return refuse(http.StatusBadRequest, "reading the body: %v", err)
	}
	if len(body) > maxBody {
		return refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", maxBody)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return refuse(http.StatusBadRequest, "the body is not the JSON expected: %v", err)
	}
	return nil
}

// identityError sends err as the Identity service does.
func identityError(w http.ResponseWriter, r *http.Request, err error) {
	ref := asRefusal(err)
	if ref.code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Keystone uri="+strconv.Quote(baseURL(r)))
	}
	_ = writeJSON(w, ref.code, map[string]any{"error": map[string]any{
		"code": ref.code, "message": ref.text, "title": http.StatusText(ref.code),
	}})
}

// htmlEscaper escapes a text for a page. It leaves quotes as they are, since
// clients print the text without unescaping it.
var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// imageError sends err as the Image service does: as a page, JSON or text,
// whichever the client accepts.
func imageError(w http.ResponseWriter, r *http.Request, err error) {
	ref := asRefusal(err)
	if ref.code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Keystone uri="+strconv.Quote(baseURL(r)))
	}
	title := http.StatusText(ref.code)
	status := strconv.Itoa(ref.code) + " " + title
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, "text/html"), strings.Contains(accept, "*/*"):
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(ref.code)
		_, _ = fmt.Fprintf(w, "<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n  <h1>%s</h1>\n  %s\n </body>\n</html>\n",
			status, status, htmlEscaper.Replace(ref.text))
	case strings.Contains(accept, "application/json"):
		_ = writeJSON(w, ref.code, map[string]any{"message": ref.text, "code": status, "title": title})
	default:
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		w.WriteHeader(ref.code)
		_, _ = fmt.Fprintf(w, "%s\n\n%s\n", status, ref.text)
	}
}
