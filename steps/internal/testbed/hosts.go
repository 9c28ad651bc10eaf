package testbed

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/steps/connections"
)

// FileServer serves texts by path, all with the same modification time.
func FileServer(t *testing.T, files map[string]string) *httptest.Server {
	t.Helper()
	age := time.Date(2026, 5, 12, 9, 0, 0, 0, time.UTC)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", age, strings.NewReader(text))
	}))
	t.Cleanup(s.Close)
	return s
}

// WithHosts gives connections to web hosts and nothing else.
func WithHosts(t *testing.T, hosts ...download.Host) *connections.Set {
	t.Helper()
	c, err := download.New(hosts)
	if err != nil {
		t.Fatal(err)
	}
	return connections.With(nil, nil, c)
}
