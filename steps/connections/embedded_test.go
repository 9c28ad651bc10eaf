package connections

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Embedded services that no step is known to ask are neither opened nor locked, and are
// opened if a step asks them after all.
func TestServicesThatNoStepAsks(t *testing.T) {
	registry := runner.Server{Kind: runner.RegistryServer, Name: "r"}
	cloud := runner.Server{Kind: runner.CloudServer, Name: "c"}
	tests := map[string]struct {
		asked     []runner.Server
		r, s, c   bool
		withoutIt bool // Need is not called
	}{
		"nothing":               {},
		"a registry by name":    {asked: []runner.Server{registry}, r: true},
		"a registry by host":    {asked: []runner.Server{{Kind: runner.RegistryServer, Hosts: []string{"S.test:80"}}}, s: true},
		"any registry":          {asked: []runner.Server{{Kind: runner.RegistryServer}}, r: true, s: true},
		"a cloud":               {asked: []runner.Server{cloud}, c: true},
		"a web server":          {asked: []runner.Server{{Kind: runner.WebServer, Name: "r"}}},
		"it is not known which": {withoutIt: true, r: true, s: true, c: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := connectServices(t, dir)
			if !tt.withoutIt {
				var asked []runner.Asked
				for _, server := range tt.asked {
					asked = append(asked, runner.Asked{Server: server})
				}
				s.Need(asked)
			}
			if err := s.Open(false); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for service, want := range map[string]bool{"r": tt.r, "s": tt.s, "c": tt.c} {
				if _, err := os.Stat(filepath.Join(dir, service)); (err == nil) != want {
					t.Errorf("%s: %v, want it opened: %v", service, err, want)
				}
			}
			if _, err := s.Registry().Tags(t.Context(), "r.test/a"); err == nil {
				t.Error("an empty registry lists tags")
			}
			if _, err := os.Stat(filepath.Join(dir, "r")); err != nil {
				t.Errorf("the registry that is asked: %v", err)
			}
		})
	}
}

func connectServices(t *testing.T, dir string) *Set {
	t.Helper()
	src := fmt.Sprintf(`apiVersion: bayplan/v1
name: p
connections:
  registries:
    r: { host: r.test, embedded: { dir: %[1]s/r } }
    s: { host: s.test, tls: disabled, embedded: { dir: %[1]s/s } }
  clouds: { c: { embedded: { dir: %[1]s/c } } }
steps: { d: { type: mkdir } }
`, dir)
	p, errs := plan.Parse("p.yaml", []byte(src), plan.Options{})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	s, errs := Connect(p)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// A service that cannot be opened at its first use says why.
func TestServiceThatCannotBeOpened(t *testing.T) {
	e := &embedded{open: func() (service, error) { return nil, os.ErrPermission }}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/", nil))
	if w.Code != http.StatusInternalServerError || w.Body.String() != "permission denied\n" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
