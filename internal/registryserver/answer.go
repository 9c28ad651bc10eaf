package registryserver

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"syscall"
)

// A refusal is an error answer of the registry API.
type refusal struct {
	status        int
	code, message string
}

func (r refusal) Error() string { return r.code + ": " + r.message }

// A notAllowed rejects a method and names the allowed ones.
type notAllowed struct{ allowed, message string }

func (n notAllowed) Error() string { return n.message }

// refusals are several refusals with the same status.
type refusals []refusal

func (rs refusals) Error() string { return rs[0].Error() }

func notFound(code, message string) refusal { return refusal{http.StatusNotFound, code, message} }

var (
	errNoRepository = notFound("NAME_UNKNOWN", "there is no such repository")
	errNoDelete     = notAllowed{readMethods, "the registry deletes nothing"}
	errReadOnly     = refusal{http.StatusForbidden, "DENIED", "the registry is read-only"}
	errGenerated    = notAllowed{readMethods, "the images here are generated: nothing can be pushed or deleted"}
)

const readMethods = "GET, HEAD"

// notFoundIfAbsent replaces fs.ErrNotExist by a refusal.
func notFoundIfAbsent(err error, code, message string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return notFound(code, message)
	}
	return err
}

// quote makes text of a client fit for a message.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.Quote(s)
}

// sendError answers with an error.
func sendError(w http.ResponseWriter, err error) {
	var one refusal
	var list refusals
	var not notAllowed
	switch {
	case errors.As(err, &not):
		w.Header().Set("Allow", not.allowed)
		list = refusals{{http.StatusMethodNotAllowed, "UNSUPPORTED", not.message}}
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = refusals{one}
	default:
		status := http.StatusInternalServerError
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			status = http.StatusInsufficientStorage
		}
		list = refusals{{status, "UNKNOWN", err.Error()}}
	}
	texts := make([]any, 0, len(list))
	for _, r := range list {
		texts = append(texts, map[string]any{"code": r.code, "message": r.message, "detail": nil})
	}
	sendJSON(w, list[0].status, map[string]any{"errors": texts})
}

// final makes an error of the disk one that is not worth another try.
func final(err error) error {
	var one refusal
	var list refusals
	var not notAllowed
	if errors.As(err, &one) || errors.As(err, &list) || errors.As(err, &not) {
		return err
	}
	return refusal{http.StatusInsufficientStorage, "LAYOUT", err.Error()}
}

// sendJSON sends JSON, with the media type in the header or else
// application/json.
func sendJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // no value of this package causes it
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the client has gone
}
