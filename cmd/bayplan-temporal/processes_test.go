//go:build integration

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.temporal.io/server/common/testing/freeport"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// A process is a program that runs beside the test.
type process struct {
	*exec.Cmd
	out  *buffer
	done chan struct{}
}

// start starts the binary of the tests as another program. The test kills it.
func start(t *testing.T, as string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), out: newBuffer(), done: make(chan struct{})}
	p.Env = append(os.Environ(), asEnv+"="+as)
	p.Stdout, p.Stderr = p.out, p.out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.Wait() // the state says how it ended
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.Process.Kill() // it may have ended
	<-p.done
}

// A source is a registry of large images. It holds back the bytes of blobs until it is released.
type source struct {
	*httptest.Server
	registry *registryserver.Registry
	sent     atomic.Int64 // bytes of blobs
	limit    int64        // from which it holds them back
	held     chan struct{}
	release  chan struct{}
	once     sync.Once
}

const (
	images    = 6
	layerSize = 2 << 20
)

func newSource(t *testing.T) *source {
	t.Helper()
	var all []registryserver.Image
	for i := range images {
		all = append(all, registryserver.Image{Repository: fmt.Sprintf("a/%d", i), Tags: []string{"1"}, Layers: []registryserver.Layer{{Name: fmt.Sprint(i), Size: layerSize}}})
	}
	registry, err := registryserver.New(registryserver.Config{Images: all})
	if err != nil {
		t.Fatal(err)
	}
	s := &source{registry: registry, limit: 3 * layerSize / 2, held: make(chan struct{}), release: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			w = &slow{w, s, r}
		}
		registry.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.Server.CloseClientConnections()
		s.Server.Close()
		_ = registry.Close()
	})
	return s
}

func (s *source) host() string { return strings.TrimPrefix(s.URL, "http://") }

type slow struct {
	http.ResponseWriter
	source  *source
	request *http.Request
}

func (w *slow) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if w.source.sent.Load() >= w.source.limit {
			w.source.once.Do(func() { close(w.source.held) })
			select {
			case <-w.source.release:
			case <-w.request.Context().Done():
				return n, w.request.Context().Err()
			}
		}
		part, err := w.ResponseWriter.Write(p[n:min(n+64<<10, len(p))])
		w.source.sent.Add(int64(part))
		if n += part; err != nil {
			return n, err
		}
	}
	return len(p), nil
}

// A line is what leads to a server. It can be cut.
type line struct {
	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]bool
	cut      bool
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, conns: map[net.Conn]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { l.carry(from, to) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.set(true)
		all.Wait()
	})
	return l
}

func (l *line) carry(from net.Conn, to string) {
	defer from.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	l.mu.Lock()
	cut := l.cut
	l.conns[from], l.conns[server] = true, true
	l.mu.Unlock()
	if cut {
		return
	}
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{from, server}, {server, from}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // until one of them is closed
			_ = from.Close()
			_ = server.Close()
		})
	}
	both.Wait()
}

// set cuts the line, or mends it.
func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	for c := range l.conns {
		_ = c.Close() // it may be closed
		delete(l.conns, c)
	}
}

// A field is a server, a source, and the workers of three sites, as processes.
type field struct {
	t              *testing.T
	source         *source
	line           *line // of edge1
	file, database string
	port           string
	server         *process
	workers        map[string]*process
	dirs           map[string]string
}

func newField(t *testing.T) *field {
	t.Helper()
	f := &field{
		t: t, source: newSource(t), database: filepath.Join(t.TempDir(), "temporal.db"), port: fmt.Sprint(freeport.MustGetFreePort()),
		workers: map[string]*process{}, dirs: map[string]string{},
	}
	var list []string
	for i := range images {
		list = append(list, fmt.Sprintf("%s/a/%d:1", f.source.host(), i))
	}
	f.file = planFile(t, "field", `
vars: { sites: [edge1, edge2], centre: of --var }
connections:
  registries:
    centre: { host: "${vars.centre}", tls: disabled }
    edge: { host: "registry.*.example.com:5000", embedded: { dir: registry } }
steps:
  first: { type: verify-catalog, with: { registry: centre, expect: images.txt } }
  images:
    type: mirror
    for_each: ${vars.sites}
    site: ${each.key}
    needs: [first]
    with: { images: "${steps.first.images}", to: "registry.${each.key}.example.com:5000" }
  check:
    type: verify-catalog
    for_each: ${steps.images}
    site: ${each.key}
    with: { registry: "registry.${each.key}.example.com:5000", expect: "${steps.images[each.key].images}" }
`, "images.txt", strings.Join(list, "\n")+"\n")
	f.startServer()
	f.line = newLine(t, "127.0.0.1:"+f.port)
	for _, site := range []string{"centre", "edge1", "edge2"} {
		f.dirs[site] = t.TempDir()
		f.startWorker(site)
	}
	return f
}

func (f *field) startServer() {
	f.server = start(f.t, "server", f.database, f.port)
	f.server.out.wait(f.t, "serving")
}

func (f *field) startWorker(site string) {
	address := "127.0.0.1:" + f.port
	args := []string{"worker", "--site", site, "--dir", f.dirs[site], "--address"}
	switch site {
	case "edge1":
		address = f.line.listener.Addr().String()
	case "centre":
		args = append([]string{"worker", "--runs"}, args[1:]...)
	}
	f.workers[site] = start(f.t, "program", append(args, address)...)
	f.workers[site].out.wait(f.t, "works for site "+site)
}

// run begins a run.
func (f *field) run() *process {
	return start(f.t, "program", "run", "-f", f.file, "--var", "centre="+f.source.host(), "--silence", "5s", "--address", "127.0.0.1:"+f.port)
}

// converged checks that the run ends well, that another one finds nothing to do, and that the
// source has sent little more than the bytes that the two sites lack.
func (f *field) converged(run *process) {
	f.t.Helper()
	<-run.done
	if code := run.ProcessState.ExitCode(); code != 0 || !strings.Contains(run.out.String(), "0 failed") {
		f.t.Fatalf("exit code %d\n%s\nedge1:\n%s", code, run.out, f.workers["edge1"].out)
	}
	const all = 2 * images * layerSize
	if sent := f.source.sent.Load(); sent < all || sent > all+all/4 {
		f.t.Errorf("the source has sent %d bytes, and the sites lacked %d", sent, all)
	}
	again := f.run()
	<-again.done
	if !strings.Contains(again.out.String(), "0 changed, 5 unchanged, 0 failed") {
		f.t.Errorf("the second run:\n%s", again.out)
	}
}

// Whatever is killed while images are copied, and when the line is cut, the run comes to the same end.
func TestKilled(t *testing.T) {
	for name, harm := range map[string]func(f *field){
		"a worker": func(f *field) {
			f.workers["edge1"].kill()
			f.startWorker("edge1")
		},
		"the server": func(f *field) {
			f.server.kill()
			f.startServer()
		},
		"both": func(f *field) {
			f.workers["edge1"].kill()
			f.server.kill()
			f.startServer()
			f.startWorker("edge1")
		},
		"the line": func(f *field) {
			f.line.set(true)
			close(f.source.release)
			f.workers["edge1"].out.wait(f.t, `images["edge1"]: changed`)
			f.line.set(false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newField(t)
			run := f.run()
			<-f.source.held
			harm(f)
			if name != "the line" {
				close(f.source.release)
			}
			f.converged(run)
		})
	}
}

// A site whose worker is away goes on by the runner alone, and its steps are then found done.
func TestWayOne(t *testing.T) {
	f := newField(t)
	close(f.source.release)
	f.converged(f.run())
	f.workers["edge1"].kill()
	state := filepath.Join(f.dirs["edge1"], "field")
	bayplan := filepath.Join(t.TempDir(), "bayplan")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", bayplan, "github.com/bayplan/bayplan/cmd/bayplan").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.RemoveAll(filepath.Join(state, "registry")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", filepath.Join(state, ".worker/apply"))
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(bayplan)+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1 changed, 1 unchanged, 0 failed") {
		t.Fatalf("%v\n%s", err, out)
	}
	f.startWorker("edge1")
	run := f.run()
	<-run.done
	if !strings.Contains(run.out.String(), "0 changed, 5 unchanged, 0 failed") {
		t.Errorf("got\n%s", run.out)
	}
}
