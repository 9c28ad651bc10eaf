//go:build integration

package main

import (
	"context"
	"fmt"
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
	"github.com/bayplan/bayplan/runner"
)

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
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			w = &slow{w, s, r}
		}
		registry.ServeHTTP(w, r)
	}))
	// What waits in a connection that is cut was sent, and did not arrive.
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
		return ctx
	}
	s.Start()
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

// A field is a server, a source, and the workers of three sites, as processes. What edge1 reaches,
// it reaches through the lines of a toxiproxy.
type field struct {
	t        *testing.T
	source   *source
	toServer toxicLine // of edge1
	toSource toxicLine // of edge1
	file     string    // of the plan
	setup    serverSetup
	server   *process
	workers  map[string]*process
	dirs     map[string]string
}

const fieldPlan = `
vars: { sites: [edge1, edge2], centre: of --var }
connections:
  registries:
    centre: { host: "centre.example.com:5000", tls: disabled, address: "${vars.centre}" }
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
`

// newField starts a field with the workers of some sites, or of all.
func newField(t *testing.T, sites ...string) *field {
	t.Helper()
	return newFieldOn(t, "", sites...)
}

// newFieldOn starts a field whose server keeps its data in PostgreSQL, if there is an address.
func newFieldOn(t *testing.T, postgres string, sites ...string) *field {
	t.Helper()
	f := &field{
		t: t, source: newSource(t), workers: map[string]*process{}, dirs: map[string]string{},
		setup: serverSetup{File: filepath.Join(t.TempDir(), "temporal.db"), Postgres: postgres, Port: fmt.Sprint(freeport.MustGetFreePort())},
	}
	host := f.source.host()
	var list []string
	for i := range images {
		list = append(list, fmt.Sprintf("centre.example.com:5000/a/%d:1", i))
	}
	f.file = planFile(t, "field", fieldPlan, "images.txt", strings.Join(list, "\n")+"\n")
	f.startServer()
	toxiproxy := startToxiproxy(t)
	f.toServer, f.toSource = toxiproxy.newLine(t, "server", "127.0.0.1:"+f.setup.Port), toxiproxy.newLine(t, "source", host)
	for _, site := range append(sites, "centre", "edge1", "edge2") {
		f.dirs[site] = t.TempDir()
	}
	if sites == nil {
		sites = []string{"centre", "edge1", "edge2"}
	}
	for _, site := range sites {
		f.startWorker(site)
	}
	return f
}

func (f *field) startServer() {
	f.server = start(f.t, "server", f.setup.text())
	f.server.out.wait(f.t, "serving")
}

func (f *field) startWorker(site string) {
	address := "127.0.0.1:" + f.setup.Port
	args := []string{"worker", "--site", site, "--dir", f.dirs[site], "--address"}
	switch site {
	case "edge1":
		address = f.toServer.address
		file := filepath.Join(f.dirs[site], "connections.yaml")
		write(f.t, file, fmt.Sprintf(`connections:
  registries:
    centre: { host: "centre.example.com:5000", tls: disabled, address: "%s" }
    edge: { host: "registry.*.example.com:5000", embedded: { dir: field/registry } }
`, f.toSource.address))
		args = append([]string{"worker", "--connections", file}, args[1:]...)
	case "centre":
		args = append([]string{"worker", "--runs"}, args[1:]...)
	}
	f.workers[site] = start(f.t, "program", append(args, address)...)
	f.workers[site].out.wait(f.t, "works for site "+site)
}

// run begins a run.
func (f *field) run(more ...string) *process {
	return start(f.t, "program", append([]string{"run", "-f", f.file, "--var", "centre=" + f.source.host(), "--silence", "5s", "--address", "127.0.0.1:" + f.setup.Port}, more...)...)
}

// converged checks that the run ends well, that the sites have all images, that another run finds
// nothing to do, and that the source has sent little more than the bytes that the two sites lack.
func (f *field) converged(run *process) {
	f.t.Helper()
	<-run.done
	if code := run.ProcessState.ExitCode(); code != 0 || !strings.Contains(run.out.String(), "0 failed") {
		f.t.Fatalf("exit code %d\n%s\nedge1:\n%s", code, run.out, f.workers["edge1"].out)
	}
	const all = 2 * images * layerSize
	sent := f.source.sent.Load()
	f.t.Logf("the source has sent %.3f times what the sites lacked", float64(sent)/all)
	if sent < all || sent > all+all/5 {
		f.t.Errorf("the source has sent %d bytes, and the sites lacked %d", sent, all)
	}
	for _, site := range []string{"edge1", "edge2"} {
		if !f.recorded(site) {
			f.t.Errorf("site %s has no record of its images", site)
		}
	}
	again := f.run()
	<-again.done
	if !strings.Contains(again.out.String(), "0 changed, 5 unchanged, 0 failed") {
		f.t.Errorf("the second run:\n%s", again.out)
	}
}

// recorded reports whether the state of a site says that the images are done there. If it does,
// each of them must be in the site's registry, to the byte.
func (f *field) recorded(site string) bool {
	f.t.Helper()
	dir := filepath.Join(f.dirs[site], "field")
	if _, err := os.Stat(filepath.Join(dir, ".bayplan")); err != nil {
		return false
	}
	store, err := runner.ReadStore(filepath.Join(dir, ".bayplan", "field"), filepath.Join(dir, "plan.yaml"))
	if err != nil {
		f.t.Fatal(err)
	}
	if r := store.Record(fmt.Sprintf("images[%q]", site)); r == nil || r.Outputs == nil {
		return false
	}
	there, err := registryserver.New(registryserver.Config{Dir: filepath.Join(dir, "registry", "registry."+site+".example.com_5000"), ReadOnly: true})
	if err != nil {
		f.t.Fatal(err)
	}
	defer there.Close()
	for i := range images {
		name := fmt.Sprintf("a/%d", i)
		blobs, want := blobsOf(f.t, f.source.registry, name)
		if _, got := blobsOf(f.t, there, name); got.Body.String() != want.Body.String() {
			f.t.Errorf("site %s has another manifest of %s", site, name)
		}
		for digest := range blobs {
			path := "/v2/" + name + "/blobs/" + digest
			if got := answerOf(f.t, there, "GET", path, "", nil); got.Body.String() != answerOf(f.t, f.source.registry, "GET", path, "", nil).Body.String() {
				f.t.Errorf("site %s has another blob %s", site, digest)
			}
		}
	}
	return true
}

// Whatever is killed while images are copied, the run comes to the same end, and no record says
// before that a site is done.
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
		"the centre": func(f *field) {
			f.workers["centre"].kill()
			f.startWorker("centre")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newField(t)
			run := f.run()
			run.until(t, f.source.held)
			harm(f)
			if f.recorded("edge1") || f.recorded("edge2") {
				t.Error("a record says that the images are done")
			}
			close(f.source.release)
			f.converged(run)
		})
	}
}

// The command that shows the run is killed, and the worker of the centre, too. Then nobody
// advances the run, and the next command does.
func TestKilledRun(t *testing.T) {
	t.Parallel()
	f := newField(t)
	run := f.run()
	run.until(t, f.source.held)
	run.kill()
	f.workers["centre"].kill()
	close(f.source.release)
	f.workers["edge1"].out.wait(t, `images["edge1"]: changed`)
	run = f.run()
	run.out.wait(t, "joined the run that is open since")
	f.startWorker("centre")
	f.converged(run)
}

// A site is away for a whole run. The run says so and ends when its patience does; the other site
// is done. The next run brings the first one to the same end.
func TestSilentSite(t *testing.T) {
	t.Parallel()
	f := newField(t, "centre", "edge1")
	close(f.source.release)
	run := f.run("--patience", "15s")
	run.out.wait(t, "site edge2: no worker asks for its steps")
	<-run.done
	if code := run.ProcessState.ExitCode(); code != 1 || !strings.Contains(run.out.String(), "1 failed, 1 skipped") {
		t.Errorf("exit code %d\n%s", code, run.out)
	}
	if !f.recorded("edge1") || f.recorded("edge2") {
		t.Error("edge1 is not done, or edge2 is")
	}
	f.startWorker("edge2")
	f.converged(f.run())
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
