package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// A reportCentre is a registry for reports that can be away, and a web server whose files
// wait.
type reportCentre struct {
	*httptest.Server
	away    atomic.Bool
	puts    chan struct{} // gets a value for each manifest that is put
	asked   chan struct{} // is closed when the file is asked for
	once    sync.Once     // closes asked
	release chan struct{} // the file waits for it
}

func newReportCentre(t *testing.T) *reportCentre {
	t.Helper()
	store, err := registryserver.New(registryserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := &reportCentre{puts: make(chan struct{}, 10), asked: make(chan struct{}), release: make(chan struct{})}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/file":
			c.once.Do(func() { close(c.asked) })
			select {
			case <-c.release:
			case <-r.Context().Done():
			}
		case c.away.Load():
			panic(http.ErrAbortHandler) // cuts the connection
		default:
			store.ServeHTTP(w, r)
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
				c.puts <- struct{}{}
			}
		}
	}))
	t.Cleanup(func() {
		c.Close()
		_ = store.Close()
	})
	return c
}

// bayplan runs a command of a site, and gives its exit code and what it prints.
func (c *reportCentre) bayplan(t *testing.T, dir string, args ...string) (int, string) {
	t.Helper()
	cmd := command(t, dir, args...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (c *reportCentre) host() string { return c.Listener.Addr().String() }

// site writes the plan of a site.
func (c *reportCentre) site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := strings.ReplaceAll(`apiVersion: bayplan/v1
name: edge
vars: { site: edge1, path: out }
connections:
  registries:
    centre: { host: "CENTRE", tls: disabled }
steps:
  dirs:
    type: mkdir
    with: { paths: ["${vars.path}"] }
  file:
    type: fetch
    needs: [dirs]
    when: vars.path == 'wait'
    with: { url: "http://CENTRE/file", to: "${vars.path}/file" }
`, "CENTRE", c.host())
	if err := os.WriteFile(filepath.Join(dir, "bayplan.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// await waits for something that a test cannot go on without.
func await(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		t.Fatal("nothing has happened")
	}
}

func (c *reportCentre) place() string { return "oci://" + c.host() + "/bayplan/reports" }

// A centre that is away changes no exit code. The report is kept, and sent beside the next
// run, whose own report follows.
func TestCentreIsAwayAndBack(t *testing.T) {
	c := newReportCentre(t)
	dir := c.site(t)
	c.away.Store(true)
	for range 2 {
		if code, out := c.bayplan(t, dir, "apply", "--report-to", c.place()+":edge1"); code != 0 || !strings.Contains(out, "the report of this run waits for the next run, and is not sent to "+c.host()) {
			t.Fatalf("exit code %d:\n%s", code, out)
		}
	}
	if code, out := c.bayplan(t, dir, "status", "-f", "bayplan.yaml", "--reports-from", c.place()); code != 1 || !strings.Contains(out, c.host()) {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	c.away.Store(false)
	cmd := command(t, dir, "apply", "--var", "path=wait", "--report-to", c.place()+":edge1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, c.puts) // while the run waits for its file
	if _, out := c.bayplan(t, dir, "status", "-f", "bayplan.yaml", "--reports-from", c.place()); !strings.Contains(out, "edge1  done") || !strings.Contains(out, "1 report before could not be sent") {
		t.Errorf("the report that waited:\n%s", out)
	}
	close(c.release)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the next run: %v", err)
	}
	await(t, c.puts)
	if _, out := c.bayplan(t, dir, "status", "-f", "bayplan.yaml", "--reports-from", c.place()); !strings.Contains(out, "edge1  done") || strings.Contains(out, "could not be sent") {
		t.Errorf("the report of the next run:\n%s", out)
	}
}

// A run that a signal ends reports that, and ends as it does without a report.
func TestInterruptedRunReports(t *testing.T) {
	c := newReportCentre(t)
	dir := c.site(t)
	cmd := command(t, dir, "apply", "--var", "path=wait", "--report-to", c.place()+":edge1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, c.asked)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGTERM) {
		t.Errorf("exit code %d", code)
	}
	if _, out := c.bayplan(t, dir, "status", "-f", "bayplan.yaml", "--reports-from", c.place(), "--json"); !strings.Contains(out, `"verdict": "interrupted"`) || !strings.Contains(out, `"state": "failing"`) {
		t.Errorf("%s", out)
	}
}
