package registryserver_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/regclient/regclient"
	"github.com/regclient/regclient/config"
	"github.com/regclient/regclient/scheme/reg"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// The name of the variable that makes the test binary a registry on a port.
const serveEnv = "BAYPLAN_TEST_SERVE_REGISTRY"

func TestMain(m *testing.M) {
	dir := os.Getenv(serveEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	r, err := registryserver.New(registryserver.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(httptest.NewServer(r).URL)
	select {} // until it is killed
}

// TestKilled kills a registry after so many requests of a mirror. What it has
// confirmed is whole afterwards, and the mirror can be finished.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	images := family()
	for _, requests := range []int64{1, 4, 6, 9, 14, 20} {
		confirmed := mirrorAndKill(t, dir, images, requests)
		r := open(t, registryserver.Config{Dir: dir})
		for _, repo := range catalog(t, r, "/v2/_catalog") {
			checkImage(t, r, images, repo)
			delete(confirmed, repo)
		}
		for repo := range confirmed {
			t.Errorf("killed after %d requests: %s was confirmed, and is not there", requests, repo)
		}
		closeIt(t, r)
	}
	mirrorAndKill(t, dir, images, 1<<40)
	r := open(t, registryserver.Config{Dir: dir})
	if got := len(catalog(t, r, "/v2/_catalog")); got != len(images) {
		t.Errorf("in the end there are %d repositories, want %d", got, len(images))
	}
}

// checkImage reads all of an image.
func checkImage(t *testing.T, r http.Handler, images []registryserver.Image, repo string) {
	t.Helper()
	for _, i := range images {
		if i.Repository == repo {
			m := manifestOf(t, r, repo, i.Tags[0])
			for _, b := range append(m.Layers, m.Config) {
				blobOf(t, r, repo, b)
			}
		}
	}
}

// mirrorAndKill copies all images into a registry of its own process, and
// kills it after so many requests. It names those that were copied.
func mirrorAndKill(t *testing.T, dir string, images []registryserver.Image, requests int64) map[string]bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "http://") {
		t.Fatalf("the process says %q: %v", line, err)
	}
	source := httptest.NewServer(open(t, registryserver.Config{Images: images}))
	defer source.Close()
	from, to := strings.TrimPrefix(source.URL, "http://"), strings.TrimPrefix(strings.TrimSpace(line), "http://")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	killer := &countingTransport{host: to, left: requests, kill: func() { _ = cmd.Process.Kill() }, after: cancel}
	rc := regclient.New(
		regclient.WithConfigHost(
			config.Host{Name: from, Hostname: from, TLS: config.TLSDisabled},
			config.Host{Name: to, Hostname: to, TLS: config.TLSDisabled},
		),
		regclient.WithRegOpts(reg.WithHTTPClient(&http.Client{Transport: killer}), reg.WithRetryLimit(1)),
	)
	done := map[string]bool{}
	for _, i := range images {
		name := "/" + i.Repository + ":" + i.Tags[0]
		if tryCopy(ctx, t, rc, from+name, to+name) == nil {
			done[i.Repository] = true
		}
	}
	return done
}

// A countingTransport kills the registry while it answers a request, and tells
// when the first request after that has failed.
type countingTransport struct {
	host        string
	left        int64
	kill, after func()
}

func (c *countingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != c.host {
		return http.DefaultTransport.RoundTrip(req)
	}
	left := atomic.AddInt64(&c.left, -1)
	if left == 0 {
		go c.kill()
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if left <= 0 && err != nil {
		c.after()
	}
	return resp, err
}
