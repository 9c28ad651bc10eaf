package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/testing/freeport"

	benchline "github.com/bayplan/bayplan/internal/dev/bench/line"
)

// sitesOut names the file that gets the figures of BenchmarkSites as JSON. BENCH_SITES is the
// number of sites.
const sitesOut = "BAYPLAN_BENCH_SITES_OUT"

const (
	siteRate = 20e6 / 8 // bytes per second of the line from the centre to a site

	imagesOfAll = 60
	sharedLayer = 10_000_000 // of all images
	ownLayer    = 5_000_000  // of each image
	emptySite   = 50         // of so many sites, one begins with nothing
)

// lacked returns how many images a site lacks at the beginning, the last ones of the list. So few
// that not the processors of one machine are the bound, which stands for 200.
func lacked(site int) int {
	if site%emptySite == 1 {
		return imagesOfAll
	}
	return 1 + site%2
}

// sitesPlan is the plan of the guide: the centre mirrors, and then each site.
const sitesPlan = `apiVersion: bayplan/v1
name: sites
vars: { sites: [%s] }
connections:
  registries:
    upstream: { host: "upstream.example.com:5000", tls: disabled }
    centre: { host: "centre.example.com:5000", tls: disabled }
    sites: { host: "registry.*.example.com:5000", tls: disabled }
steps:
  centre: { type: mirror, with: { images: images.txt, to: centre } }
  images:
    type: mirror
    for_each: ${vars.sites}
    site: ${each.key}
    with: { images: "${steps.centre.images}", to: "registry.${each.key}.example.com:5000" }
  check:
    type: verify-catalog
    for_each: ${steps.images}
    site: ${each.key}
    with: { registry: "registry.${each.key}.example.com:5000", expect: "${steps.images[each.key].images}" }
`

// connectionsOf are those of one worker. Its line to the centre is its own.
const connectionsOf = `connections:
  registries:
    upstream: { host: "upstream.example.com:5000", tls: disabled, address: "%s" }
    centre: { host: "centre.example.com:5000", tls: disabled, address: "%s" }
    sites: { host: "registry.*.example.com:5000", embedded: { dir: "%s" } }
`

// A world is a server of Temporal as a process, the registries of upstream and centre, and the
// workers of the sites, in this process.
type world struct {
	t        testing.TB
	dir      string // of the sites
	files    string // of everything else
	address  string // of Temporal
	server   *process
	upstream *counted
	centre   *counted // as the workers of the centre see it
	seeds    map[int]string
	lines    []*counted // by site: the centre through its line
	client   client.Client
}

// BenchmarkSites carries one plan to 200 sites with thin lines, again with nothing to do, and then
// to one site more.
func BenchmarkSites(b *testing.B) {
	count := 200
	if n, err := strconv.Atoi(os.Getenv("BENCH_SITES")); err == nil {
		count = n
	}
	for range b.N {
		w := newWorld(b, count+1)
		f := figures{Sites: count}
		for i := range count {
			w.startSite(i)
		}
		f.First = w.measure(count, 0)
		f.Again = w.measure(count, count)
		w.startSite(count)
		f.OneMore = w.measure(count+1, count)
		f.Memory, f.ServerMemory = peakMemory(b, os.Getpid()), peakMemory(b, w.server.Process.Pid)
		out, err := json.MarshalIndent(f, "", "  ")
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%s", out)
		if file := os.Getenv(sitesOut); file != "" {
			write(b, file, string(out))
		}
		w.client.Close()
	}
}

// newWorld makes a world with the lines of so many sites.
func newWorld(t testing.TB, sites int) *world {
	t.Helper()
	dir, err := os.MkdirTemp(fastDir(), "bayplan-sites-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &world{t: t, dir: dir, files: t.TempDir(), seeds: map[int]string{}}
	port := strconv.Itoa(freeport.MustGetFreePort())
	w.address = "127.0.0.1:" + port
	w.server = start(t, "server", serverSetup{File: filepath.Join(w.dir, "temporal.db"), Port: port}.text())
	w.server.out.wait(t, "serving")
	w.upstream = newUpstream(t)
	w.centre = newCounted(t, newRegistry(t), nil)
	lackedBytes(t, w.upstream.registry, imagesOfAll) // makes the images
	for range sites {
		w.lines = append(w.lines, newCounted(t, w.centre.registry, &benchline.Line{Rate: siteRate}))
	}
	w.startWorker("centre", w.centre, "--runs")
	if w.client, err = client.Dial(client.Options{HostPort: w.address}); err != nil {
		t.Fatal(err)
	}
	return w
}

// fastDir returns a directory whose disk is no bound, or "" for that of temporary files: each site
// and the server have disks of their own, which this machine lacks.
func fastDir() string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

func siteName(i int) string { return fmt.Sprintf("edge%03d", i) }

// startSite starts the worker of a site that has all images but those that it lacks.
func (w *world) startSite(i int) {
	w.t.Helper()
	name := siteName(i)
	if has := imagesOfAll - lacked(i); has > 0 {
		link(w.t, w.seed(has), filepath.Join(w.dir, name, "registry", "registry."+name+".example.com_5000"))
	}
	w.startWorker(name, w.lines[i])
}

// startWorker starts a worker in this process.
func (w *world) startWorker(site string, centre *counted, more ...string) {
	w.t.Helper()
	dir := filepath.Join(w.dir, site)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(dir, "connections.yaml")
	write(w.t, file, fmt.Sprintf(connectionsOf, w.upstream.address, centre.address, filepath.Join(dir, "registry")))
	args := append([]string{"bayplan-temporal", "worker", "--site", site, "--dir", dir, "--connections", file, "--address", w.address}, more...)
	ctx, cancel := context.WithCancel(context.Background())
	done, out := make(chan struct{}), newBuffer()
	go func() {
		defer close(done)
		newProgram(out, out, nil).execute(ctx, args)
	}()
	w.t.Cleanup(func() { cancel(); <-done })
	out.wait(w.t, "works for site "+site)
}

// measure runs the plan with so many sites, and measures what it took. Some have been in a run before.
func (w *world) measure(sites, before int) runFigures {
	w.t.Helper()
	var names []string
	for i := range sites {
		names = append(names, siteName(i))
	}
	file := filepath.Join(w.files, "plan.yaml")
	write(w.t, file, strings.ReplaceAll(fmt.Sprintf(strings.ReplaceAll(sitesPlan, "${", "$\x00{"), strings.Join(names, ", ")), "$\x00{", "${"))
	write(w.t, filepath.Join(w.files, "images.txt"), strings.Join(imageNames(), "\n")+"\n")
	w.upstream.take()
	w.centre.take()
	for _, l := range w.lines {
		l.take()
	}
	out := newBuffer()
	began, cpu := time.Now(), w.cpu()
	code := newProgram(out, out, nil).execute(context.Background(), []string{"bayplan-temporal", "run", "-f", file, "--address", w.address})
	f := runFigures{Wall: time.Since(began).Seconds(), CPU: (w.cpu() - cpu).Seconds()}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	f.Summary = lines[len(lines)-1]
	if code != 0 {
		w.t.Fatalf("exit code %d\n%s", code, out)
	}
	f.Upstream, f.Centre = w.upstream.take().sum(), w.centre.take().sum()
	f.Unique = lackedBytes(w.t, w.upstream.registry, imagesOfAll)
	for i := range sites {
		n := int64(0)
		if i >= before {
			n = lackedBytes(w.t, w.upstream.registry, lacked(i))
		}
		f.site(w.lines[i].take(), n)
	}
	f.history(w.t, w.client)
	return f
}

// newCounted serves a registry on a port, through a line if there is one.
func newCounted(t testing.TB, r registry, l *benchline.Line) *counted {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{registry: r, address: ln.Addr().String()}
	if l != nil {
		ln = l.Limit(ln)
	}
	server := &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return c
}
