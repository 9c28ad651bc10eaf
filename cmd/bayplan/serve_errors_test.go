package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/registryserver"
)

// What a server says of its own failure names none of its files; its log does.
func TestServerErrorsAreKeptFromClients(t *testing.T) {
	const path = "/srv/private/registry"
	for name, answer := range map[string]http.HandlerFunc{
		"JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"errors":[{"code":"UNKNOWN","message":"open \"`+path+`\": no","detail":"`+path+`"}]}`)
		},
		"no room": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusInsufficientStorage)
			_, _ = io.WriteString(w, `{"error": {"code": 507, "message": "write `+path+`: full"}}`)
		},
		"text": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, path+" is gone", http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			body, logged := askPrivately(t, answer, http.MethodGet, "/v2/")
			if strings.Contains(body, path) || !strings.Contains(body, "its log says why") {
				t.Errorf("the client is told %s", body)
			}
			if !strings.Contains(logged, path) || !strings.HasPrefix(logged, "GET /v2/: 5") {
				t.Errorf("the log has %q", logged)
			}
		})
	}
	body, logged := askPrivately(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such tag", http.StatusNotFound) }, http.MethodGet, "/v2/")
	if body != "no such tag\n" || logged != "" {
		t.Errorf("an error of the client is answered with %q, and the log has %q", body, logged)
	}
}

func TestEmbeddedServersKeepTheirPaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "private")
	registry, err := registryserver.New(registryserver.Config{Dir: filepath.Join(dir, "r")})
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	cloud, err := cloudserver.New(cloudserver.Config{Dir: filepath.Join(dir, "c")})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	for _, sub := range []string{"r", "c"} { // a file is in the way from now on
		if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, sub), "")
	}
	var told, known string
	for _, path := range []string{"/v2/_catalog", "/v2/ns/app/tags/list", "/v2/ns/app/manifests/1"} {
		body, logged := askPrivately(t, registry.ServeHTTP, http.MethodGet, path)
		told, known = told+body, known+logged
	}
	if strings.Contains(told, "private") || !strings.Contains(known, "private") {
		t.Errorf("clients are told %s, the log has %q", told, known)
	}
}

func askPrivately(t *testing.T, h http.HandlerFunc, method, path string) (body, logged string) {
	t.Helper()
	var out bytes.Buffer
	s := httptest.NewServer(privateErrors{h, log.New(&out, "", 0)})
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), out.String()
}
