package connections

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

// rehearse gives the connections of a plan whose own are replaced by those of a file.
func rehearse(t *testing.T, file string) *Set {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ci.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	src := "apiVersion: bayplan/v1\nname: p\nsteps: { a: { type: mkdir, with: { paths: [x] } } }\n"
	p, errs := plan.Parse(filepath.Join(t.TempDir(), "p.yaml"), []byte(src), plan.Options{Connections: path})
	if errs != nil {
		t.Fatal(errs)
	}
	s, errs := Connect(p)
	if errs != nil {
		t.Fatal(errs)
	}
	if err := s.Open(true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// With embedded connections, nothing that the file does not name is asked: neither
// directly, nor for a token, nor by a redirect.
func TestNothingElseIsAsked(t *testing.T) {
	var asked atomic.Int32
	outside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer outside.Close()
	out := strings.TrimPrefix(outside.URL, "http://")
	real := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2") {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://192.0.2.77/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, outside.URL+"/file", http.StatusFound)
	}))
	defer real.Close()
	named := strings.TrimPrefix(real.URL, "http://")
	file := `
connections:
  registries:
    mock: { host: mock.example, embedded: {} }
    real: { host: "` + named + `", tls: disabled }
  hosts:
    real: { host: "` + named + `", tls: disabled }
`
	ask := func(s *Set) []error {
		ctx := context.Background()
		_, err := s.Registry().Resolve(ctx, out+"/a/b:1")
		errs := []error{err}
		for _, url := range []string{outside.URL + "/f", real.URL + "/redirects"} {
			body, err := s.Downloads().Open(ctx, download.Request{URL: url})
			if err == nil {
				_, _ = io.Copy(io.Discard, body)
				_ = body.Close()
			}
			errs = append(errs, err)
		}
		return errs
	}
	s := rehearse(t, file)
	_, realm := s.Registry().Resolve(context.Background(), named+"/a/b:1")
	for i, err := range append(ask(s), realm, s.CheckOthers("the mirrors of this machine")) {
		if err == nil || !strings.Contains(err.Error(), " not among the connections of ") || !strings.Contains(fault.Hint(err), "others: allow") {
			t.Errorf("request %d: error %v with hint %q", i, err, fault.Hint(err))
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests reached a server that the file does not name", n)
	}
	for what, file := range map[string]string{
		"allowed":            file + "others: allow\n",
		"no embedded server": strings.ReplaceAll(file, "embedded: {}", "tls: disabled"),
	} {
		asked.Store(0)
		s := rehearse(t, file)
		ask(s)
		if err := s.CheckOthers("the mirrors of this machine"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if asked.Load() < 2 {
			t.Errorf("%s: %d requests reached the other server", what, asked.Load())
		}
	}
	asked.Store(0)
	ask(rehearse(t, strings.ReplaceAll(file, "embedded: {}", "tls: disabled")+"others: refuse\n"))
	if n := asked.Load(); n != 0 {
		t.Errorf("others: refuse: %d requests reached a server that the file does not name", n)
	}
}
