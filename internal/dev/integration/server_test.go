//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// startServer runs a server script of this directory and returns when it prints
// "ready". The script ends when its standard input does: at the end of the test,
// or with this process, even if that is killed.
func startServer(t *testing.T, script string, args ...string) {
	t.Helper()
	startServerWith(t, nil, script, args...)
}

// startServerWith is startServer with additional environment variables.
func startServerWith(t *testing.T, environment []string, script string, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("bash", append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	ready := line == "ready\n"
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil && ready {
			t.Errorf("%s: %v\n%s", script, err, stderr.Bytes())
		}
	})
	if !ready {
		stdin.Close()
		_, _ = io.Copy(io.Discard, stdout) // its output ends when its clean-up does
		t.Fatalf("%s %s did not start:\n%s", script, strings.Join(args, " "), stderr.Bytes())
	}
}

// startRegistry starts a docker-registry with its data under dir and returns
// its URL. With an htpasswd file it requires a login.
func startRegistry(t *testing.T, dir string, htpasswd ...string) string {
	t.Helper()
	return startRegistryWith(t, nil, dir, htpasswd...)
}

// startRegistryWith is startRegistry with environment variables for registry.sh.
func startRegistryWith(t *testing.T, environment []string, dir string, htpasswd ...string) string {
	t.Helper()
	port := freePort(t)
	startServerWith(t, environment, "registry.sh", append([]string{dir, port}, htpasswd...)...)
	return "http://127.0.0.1:" + port
}

// program builds a program of package pinned. If that fails, the test fails: no
// test may be skipped.
func program(t *testing.T, name string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	file, err := pinned.Build(t.Context(), filepath.Join(cache, "bayplan-integration"), name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// A cloud is a Keystone and a Glance.
type cloud struct {
	file     string // clouds.yaml
	keystone string // URL, without a proxy
	glance   string // URL, without a proxy
}

// startCloud starts a Keystone and a Glance. front turns the URL of Glance into
// the one in the catalogue, such as that of a proxy.
func startCloud(t *testing.T, front func(glance string) string) cloud {
	t.Helper()
	dir, keystone, glance := t.TempDir(), freePort(t), freePort(t)
	c := cloud{
		file:     filepath.Join(dir, "clouds.yaml"),
		keystone: "http://127.0.0.1:" + keystone,
		glance:   "http://127.0.0.1:" + glance,
	}
	startServer(t, "openstack.sh", dir, keystone, glance, front(c.glance))
	return c
}

// freePort returns a free port of the loopback interface.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
