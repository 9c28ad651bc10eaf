package registry

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// A token server is trusted, but not whom it redirects to.
func TestTokenServerRedirects(t *testing.T) {
	for to, works := range map[string]bool{
		"https://10.0.0.1/token": false, "https://198.51.100.9/token": false, "http://198.51.100.2/token": false, "/other": true,
	} {
		other := &trap{answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"token":"good"}`) }}
		registry, _ := tokens("x")
		server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/other" {
				_, _ = io.WriteString(w, `{"token":"good"}`)
				return
			}
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		c := newClient(t, guarded(registry), Host{Name: "198.51.100.2", Handler: server},
			Host{Name: "10.0.0.1", Handler: other}, Host{Name: "198.51.100.9", Handler: other})
		_, err := c.Resolve(t.Context(), srcHost+"/open/a:1")
		if works != (KindOf(err) == NotFound) {
			t.Errorf("%s: got %v", to, err)
		}
		other.check(t)
		if other.asked != 0 {
			t.Errorf("%s: followed", to)
		}
	}
}

// A token server that is busy is asked again; one that sends nonsense is told.
func TestTokenServersInTrouble(t *testing.T) {
	tests := map[string]struct {
		answer func(n int32, w http.ResponseWriter)
		kind   Kind
		want   string
	}{
		"busy twice": {func(n int32, w http.ResponseWriter) {
			if n <= 2 {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			_, _ = io.WriteString(w, `{"token":"good"}`)
		}, NotFound, "not found"},
		"nonsense":    {func(_ int32, w http.ResponseWriter) { _, _ = io.WriteString(w, `<html>`) }, Unreachable, "asking 198.51.100.2 for a token: its answer is not what a token server says"},
		"no token":    {func(_ int32, w http.ResponseWriter) { _, _ = io.WriteString(w, `{}`) }, Unreachable, "there is no token in its answer"},
		"very long":   {func(_ int32, w http.ResponseWriter) { _, _ = w.Write(make([]byte, 2<<20)) }, Unreachable, "more than 1048576 bytes"},
		"not found":   {func(_ int32, w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, Unreachable, "asking for a token: 198.51.100.2 answers 404 Not Found"},
		"forbidden":   {func(_ int32, w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, Denied, `user "stack" has no right to it`},
		"a bad token": {func(_ int32, w http.ResponseWriter) { _, _ = io.WriteString(w, `{"token":"a\nb: s3cret"}`) }, Unreachable, "holds what no header may hold"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			registry, _ := tokens("x")
			var asked atomic.Int32
			server := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.answer(asked.Add(1), w) })
			c := newClient(t, guarded(registry), Host{Name: "198.51.100.2", Handler: server})
			_, err := c.Resolve(t.Context(), srcHost+"/open/a:1")
			if KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secretWord) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
