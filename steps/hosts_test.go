package steps

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
)

// fetch and package use the connection of the host, with a password from the
// environment. No error and no state shows the password.
func TestHostsOfAPlan(t *testing.T) {
	const canary = "c4nary-p4ssword"
	t.Setenv("MIRROR_PASSWORD", canary)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case user != "stack" || password != canary:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path != "/f":
			http.NotFound(w, r)
		default:
			_, _ = w.Write([]byte("body"))
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	host := strings.TrimPrefix(server.URL, "http://")
	text := func(connection, url string) string {
		return "apiVersion: bayplan/v1\nname: p\nsecrets: { mirror: { env: MIRROR_PASSWORD } }\n" +
			"connections: { hosts: { mirror: { host: \"images.example.org:8080\", address: \"" + host + "\", tls: disabled" + connection + " } } }\n" +
			"steps: { f: { type: fetch, with: { url: \"" + url + "\", to: f, sha256: " + steptest.SHA256("body") + " } } }\n"
	}
	run := func(name, text string) error {
		t.Helper()
		file := filepath.Join(dir, name)
		p, errs := plan.Parse(file, []byte(text), plan.Options{})
		out, more := connections.Connect(p)
		if errs = append(errs, more...); len(errs) > 0 {
			t.Fatal(errs)
		}
		if err := out.Open(false); err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		g, errs := runner.Check(p, Builtin(out))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		store, err := runner.OpenStore(filepath.Join(dir, name+".state"), file)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		report, err := (&runner.Runner{Graph: g, Store: store}).Apply(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return report.Err()
	}
	const login = `, user: stack, password: "${secrets.mirror}"`
	if err := run("absent", text(login, "http://images.example.org:8080/g?sig=x")); err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "/g?...: the server answers 404") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := run("anonymous", text("", "http://images.example.org:8080/f")); err == nil || !strings.Contains(err.Error(), "401 Unauthorized") {
		t.Errorf("without credentials: %v", err)
	}
	if err := run("good", text(login, "http://images.example.org:8080/f")); err != nil {
		t.Error(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), canary) {
			t.Errorf("the password stands in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
