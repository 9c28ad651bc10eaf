package registry

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// sendError sends an error as the registry API has them.
func sendError(w http.ResponseWriter, status int, code, message string) {
	sendJSON(w, status, map[string]any{
		"errors": []any{map[string]any{"code": code, "message": message, "detail": nil}},
	})
}

func sendJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // no value of this package can be the cause
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller has gone: there is nobody to tell
}
