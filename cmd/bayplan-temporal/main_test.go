package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/server/temporaltest"
)

// serverArgs name the server of all tests.
var serverArgs []string

// asEnv makes the binary of the tests another program: the server, or bayplan-temporal itself.
const asEnv = "BAYPLAN_TEMPORAL_TEST_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(asEnv) {
	case "program":
		main()
	case "server":
		serve(os.Args[1])
	case "bench": // it starts a server of its own
		os.Exit(m.Run())
	}
	server := temporaltest.NewServer()
	serverArgs = []string{"--address", server.GetFrontendHostPort(), "--namespace", server.GetDefaultNamespace()}
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// A buffer is an output that two goroutines may use. It tells when a text appears in it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed and made anew with each write
}

func newBuffer() *buffer { return &buffer{more: make(chan struct{})} }

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.more)
	b.more = make(chan struct{})
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// wait waits until a text has appeared.
func (b *buffer) wait(t testing.TB, text string) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		b.mu.Lock()
		found, more := strings.Contains(b.text.String(), text), b.more
		b.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("%q has not appeared in\n%s", text, b)
		}
	}
}

// A command is a command line that runs beside the test.
type command struct {
	stdout, stderr *buffer
	cancel         context.CancelFunc
	done           chan struct{}
	code           int
}

// begin begins a command line. The test ends it.
func begin(t *testing.T, args ...string) *command {
	t.Helper()
	c := &command{stdout: newBuffer(), stderr: newBuffer(), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	p := newProgram(c.stdout, c.stderr, nil)
	line := append([]string{"bayplan-temporal"}, args...)
	go func() {
		defer close(c.done)
		if len(args) > 0 {
			line = append(line, serverArgs...)
		}
		c.code = p.execute(ctx, line)
	}()
	t.Cleanup(c.stop)
	return c
}

func (c *command) stop() {
	c.cancel()
	<-c.done
}

// run runs a command line to its end.
func run(t *testing.T, args ...string) *command {
	t.Helper()
	c := begin(t, args...)
	<-c.done
	return c
}

// ended compares how a command has ended.
func (c *command) ended(t *testing.T, code int, texts ...string) {
	t.Helper()
	<-c.done
	all := c.stdout.String() + c.stderr.String()
	if c.code != code {
		t.Errorf("exit code %d, want %d\n%s", c.code, code, all)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("%q is missing in\n%s", text, all)
		}
	}
}

// beginWorker begins the worker of a site, in a folder of its own.
func beginWorker(t *testing.T, site string, more ...string) (c *command, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), site)
	c = begin(t, append([]string{"worker", "--site", site, "--dir", dir}, more...)...)
	c.stderr.wait(t, "works for site "+site)
	return c, dir
}

// planFile writes a plan with its steps, and files beside it.
func planFile(t testing.TB, name, body string, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		write(t, filepath.Join(dir, files[i]), files[i+1])
	}
	file := filepath.Join(dir, "plan.yaml")
	write(t, file, "apiVersion: bayplan/v1\nname: "+name+"\n"+strings.TrimSpace(body)+"\n")
	return file
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// exists checks that there is something at paths.
func exists(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// A gate is a web server that answers when it is opened.
type gate struct {
	url   string
	asked chan struct{} // gets one for each request
	open  chan struct{}
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{asked: make(chan struct{}, 100), open: make(chan struct{})}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked <- struct{}{}
		select {
		case <-g.open:
			fmt.Fprint(w, "content")
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	g.url = s.URL
	return g
}
