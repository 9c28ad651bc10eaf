//go:build integration

package integration

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ofTemporal returns the file of bayplan-temporal beside one of bayplan.
func ofTemporal(name string) string {
	return filepath.Join(filepath.Dir(name), strings.Replace(filepath.Base(name), "bayplan_", "bayplan-temporal_", 1))
}

// testTemporal checks the archives of bayplan-temporal: what is in them, and that the program has
// Temporal's client and not its server.
func (d dist) testTemporal(t *testing.T) {
	for _, platform := range []string{"linux_amd64", "linux_arm64"} {
		name := "bayplan-temporal_" + d.version + "_" + platform
		into := t.TempDir()
		shell(t, `tar -C "$1" -xzf "$2" && test "$(ls "$1")" = "$3"`, into, filepath.Join(d.dir, name+".tar.gz"), name)
		dir := filepath.Join(into, name)
		for _, part := range []string{"LICENSE", "man/man1/bayplan-temporal-worker.1", "examples/systemd/bayplan-worker@.service", "licenses/go/LICENSE"} {
			if fi, err := os.Stat(filepath.Join(dir, part)); err != nil || fi.Size() == 0 {
				t.Errorf("%s: %s: %v", platform, part, err)
			}
		}
		binary := filepath.Join(dir, "bayplan-temporal")
		if fi, err := os.Stat(binary); err != nil || fi.Size() >= maxBinary {
			t.Errorf("%s: the binary has %d bytes, %v", platform, fi.Size(), err)
		} else {
			t.Logf("%s: %.1f MiB", platform, float64(fi.Size())/(1<<20))
		}
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		client := false
		for _, module := range info.Deps {
			client = client || module.Path == "go.temporal.io/sdk"
			if module.Path == "go.temporal.io/server" {
				t.Errorf("%s: the program has the server", platform)
			}
			if module.Path == "github.com/bayplan/bayplan" {
				continue // its licence is that of the program
			}
			if found, err := os.ReadDir(filepath.Join(dir, "licenses", module.Path)); err != nil || len(found) == 0 {
				t.Errorf("%s: no licence of %s: %v", platform, module.Path, err)
			}
		}
		if !client {
			t.Errorf("%s: the program has no client", platform)
		}
		shell(t, `cd "$1/man/man1"; mandoc -T lint -W warning *.1`, dir)
	}
}

// testWorker installs the package of bayplan-temporal, uses it, and removes it. The commands of the
// installer take the package as $package.
func (m machine) testWorker(t *testing.T, pkg, install, remove string) {
	t.Helper()
	m.put(t, pkg)
	m.run(t, "root", "package=/tmp/"+filepath.Base(pkg)+"; "+install)
	m.says(t, "user", "bayplan-temporal version", "bayplan-temporal ")
	m.says(t, "user", "man bayplan-temporal-worker", "do the steps of one site")
	m.says(t, "root", "cat /etc/passwd", "bayplan-worker:")
	m.says(t, "root", "stat -c %a /etc/bayplan", "755")
	m.run(t, "root", "install -m 600 /usr/share/doc/bayplan-temporal/worker.env /etc/bayplan/worker-edge1.env; install -d -o bayplan-worker -g bayplan-worker /var/lib/bayplan-worker /var/lib/bayplan-worker/edge1")
	line := strings.ReplaceAll(m.serviceCommand(t, "bayplan-worker@.service"), "%i", "edge1")
	script := "set -a; WORKER_FLAGS=; TEMPORAL_ADDRESS=127.0.0.1:1; cd /; timeout --preserve-status -s TERM 5 " + line
	if out, err := m.try(t, "bayplan-worker", script); !strings.Contains(out, "waits for the server: connect to the Temporal server at 127.0.0.1:1") {
		t.Errorf("the service's command: %v\n%s", err, out)
	}
	m.says(t, "root", "ls -A /var/lib/bayplan-worker", "edge1")
	m.run(t, "root", "rm /etc/bayplan/worker-edge1.env")
	m.says(t, "root", remove, "/var/lib/bayplan-worker stays")
	m.run(t, "root", "rm -r /var/lib/bayplan-worker; ! command -v bayplan-temporal; ! ls /etc/systemd/system/*.wants/bayplan-worker@* 2>/dev/null")
}

// testWorkerUnit has systemd check the unit of workers, and rate how well it is confined.
func (m machine) testWorkerUnit(t *testing.T, pkg string) {
	t.Helper()
	m.put(t, pkg)
	m.run(t, "root", "dpkg --install /tmp/"+filepath.Base(pkg))
	m.says(t, "root", "systemctl enable bayplan-worker@edge1 && ls /etc/systemd/system/*.wants", "bayplan-worker@edge1.service")
	if out := m.run(t, "root", "systemd-analyze verify --man=yes bayplan-worker@edge1.service"); out != "" {
		t.Errorf("systemd says %s", out)
	}
	out := m.run(t, "root", "systemd-analyze security --offline=true --threshold=20 --no-pager bayplan-worker@edge1.service")
	t.Log(strings.TrimSpace(out[strings.LastIndex(out, "→")+len("→"):]))
}
