//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An installer is what the tests of packages ask of dpkg and rpm, as commands of a shell.
type installer struct {
	install, upgrade, remove string // the first two take the package as $package, also an older one
	version                  string // prints the installed version
}

// testDeb installs, upgrades, removes and purges the Debian packages, with systemd's tools
// there.
func testDeb(t *testing.T, old, current string) {
	m := newMachine(t, "dpkg", "passwd", "man-db", "systemd", "util-linux")
	m.testPackage(t, old, current, installer{
		install: "dpkg --install $package", upgrade: "dpkg --force-confdef --install $package",
		remove: "dpkg --remove bayplan", version: "dpkg-query -W -f '${Version}\n' bayplan",
	}, func() {
		m.testUnits(t)
		m.testWorkerUnit(t, ofTemporal(current))
		m.testWorker(t, ofTemporal(current), "dpkg --install $package", "dpkg --purge bayplan-temporal")
		m.testRegistryService(t)
		m.testApplyService(t)
		m.says(t, "root", "dpkg --verify bayplan", "registry.env") // changed by the user, and nothing else
	})
	m.says(t, "root", "ls /etc/bayplan; dpkg --purge bayplan", "/var/lib/bayplan-registry stays")
	m.says(t, "root", "ls /etc", "passwd")
	if out := m.run(t, "root", "ls /etc/bayplan 2>&1 || true"); strings.Contains(out, "registry.env") {
		t.Errorf("after purge: %s", out)
	}
}

// testRPM installs, upgrades and removes the RPM packages, without systemd's tools.
func testRPM(t *testing.T, old, current string) {
	m := newMachine(t, "rpm", "passwd", "man-db")
	m.run(t, "root", "rpm --initdb")
	m.testPackage(t, old, current, installer{
		install: "rpm --force-debian --install $package", upgrade: "rpm --force-debian --upgrade --oldpackage $package",
		remove: "rpm --erase bayplan", version: "rpm -q --qf '%{VERSION}\n' bayplan",
	}, func() {
		m.says(t, "root", "ls /etc/bayplan", "registry.env.rpmnew")
		m.testWorker(t, ofTemporal(current), "rpm --force-debian --install $package", "rpm --erase bayplan-temporal")
		m.says(t, "root", "rpm --verify bayplan || true", "c /etc/bayplan/registry.env")
		m.says(t, "root", "rpm --verify bayplan | grep -vc ' c /etc/bayplan/registry.env' || true", "0\n")
	})
	m.says(t, "root", "ls /etc/bayplan", "registry.env.rpmsave")
}

// testPackage installs an old package, changes its settings, upgrades it, and removes the
// new one. In between it uses it as its users do.
func (m machine) testPackage(t *testing.T, old, current string, with installer, also func()) {
	t.Helper()
	m.put(t, old, current)
	m.run(t, "root", "package=/tmp/"+filepath.Base(old)+"; "+with.install)
	m.says(t, "root", with.version, "0.0.1")
	m.says(t, "root", "bayplan version", "bayplan v0.0.1 ")
	m.says(t, "root", "cat /etc/passwd", "bayplan-registry:")
	m.run(t, "root", "echo REGISTRY_FLAGS=--no-delete >>/etc/bayplan/registry.env")
	m.run(t, "root", "package=/tmp/"+filepath.Base(current)+"; "+with.upgrade)
	m.says(t, "root", "tail -1 /etc/bayplan/registry.env", "REGISTRY_FLAGS=--no-delete")
	if out := m.run(t, "root", "bayplan version"); strings.Contains(out, "v0.0.1 ") {
		t.Errorf("after the upgrade: %s", out)
	}
	m.testQuickStart(t)
	also()
	m.run(t, "root", "mkdir -p /var/lib/bayplan-registry && touch /var/lib/bayplan-registry/mine")
	m.run(t, "root", with.remove)
	left := run(t, "find", m.root, "-name", "*bayplan*", "-not", "-path", m.root+"/tmp/*", "-not", "-path", m.root+"/var/lib/dpkg/*", "-printf", "/%P\n")
	if got := strings.Join(slices.Sorted(strings.Lines(left)), ""); got != "/etc/bayplan\n/home/user/quickstart/.bayplan\n/home/user/quickstart/bayplan.lock.yaml\n/home/user/quickstart/bayplan.yaml\n/var/lib/bayplan-registry\n" {
		t.Errorf("after the removal there are\n%s", got)
	}
	m.says(t, "root", "ls /var/lib/bayplan-registry", "mine")
}

// put copies packages to the machine's /tmp.
func (m machine) put(t *testing.T, files ...string) {
	t.Helper()
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(m.root, "tmp", filepath.Base(name)), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// testQuickStart runs the quick start as an ordinary user, and reads the manual.
func (m machine) testQuickStart(t *testing.T) {
	t.Helper()
	m.run(t, "user", "! command -v go")
	m.run(t, "user", "rm -rf quickstart; cp -r /usr/share/doc/bayplan/examples/quickstart .")
	m.says(t, "user", "cd quickstart; bayplan apply", "6 changed, 2 unchanged, 0 failed")
	m.says(t, "user", "cd quickstart; bayplan apply", "0 changed, 8 unchanged, 0 failed")
	m.says(t, "user", "cd quickstart; bayplan verify", "0 failed")
	m.says(t, "user", "ls -a quickstart quickstart/world", ".bayplan")
	if out, err := m.try(t, "user", "bayplan apply -f /usr/share/doc/bayplan/examples/quickstart/bayplan.yaml"); err == nil || !strings.Contains(out, "permission denied") {
		t.Errorf("beside the original: %v\n%s", err, out)
	}
	m.says(t, "user", "man bayplan-apply", "bayplan-apply - bring everything to where the plan says it must be")
	m.says(t, "user", "man bayplan-serve-registry", "htpasswd")
}

// testUnits has systemd check the units, rate how well they are confined, and enable them;
// the removal of the package has to disable them.
func (m machine) testUnits(t *testing.T) {
	t.Helper()
	m.says(t, "root", "systemctl enable bayplan-registry bayplan@edge.timer && ls /etc/systemd/system/*.wants", "bayplan@edge.timer")
	if out := m.run(t, "root", "systemd-analyze verify --man=yes bayplan-registry.service bayplan@quickstart.service bayplan@quickstart.timer"); out != "" {
		t.Errorf("systemd says %s", out)
	}
	for unit, most := range map[string]int{"bayplan-registry.service": 15, "bayplan@quickstart.service": 35} { // of 100, less is better
		out := m.run(t, "root", fmt.Sprintf("systemd-analyze security --offline=true --threshold=%d --no-pager %s", most, unit))
		t.Log(strings.TrimSpace(out[strings.LastIndex(out, "→")+len("→"):]))
	}
}

// serviceCommand returns the command line of an installed service.
func (m machine) serviceCommand(t *testing.T, unit string) string {
	t.Helper()
	out := m.run(t, "root", `sed -e ':more' -e '/\\$/{N;s/\\\n//;b more}' /usr/lib/systemd/system/`+unit+" | sed -n 's/^ExecStart=//p'")
	return strings.TrimSpace(out)
}

// testRegistryService runs the registry as its service does, and pushes to it.
func (m machine) testRegistryService(t *testing.T) {
	t.Helper()
	m.run(t, "root", "install -d -o bayplan-registry -g bayplan-registry -m 750 /var/lib/bayplan-registry")
	line := m.serviceCommand(t, "bayplan-registry.service")
	addr := "127.0.0.1:" + freePort(t)
	script := "set -a; REGISTRY_ADDR=" + addr + "; . /etc/bayplan/registry.env; REGISTRY_ADDR=" + addr + "; cd /; exec " + line
	startServer(t, "serve.sh", append([]string{filepath.Join(t.TempDir(), "log"), "http://" + addr + "/v2/"}, m.command("bayplan-registry", "sh", "-c", script)...)...)
	s := newPlan(t, fmt.Sprintf(mirrorPlan, "{ host: "+upstreamHost+", embedded: { images: rhosp13 } }", "{ host: \""+addr+"\", tls: disabled }", ""))
	s.write(t, "images.txt", upstreamHost+"/rhosp13/openstack-base:13.0-40\n")
	s.mustRun(t, 0, []string{"apply"})
	m.says(t, "root", "ls /var/lib/bayplan-registry", "rhosp13")
}

// testApplyService runs the service that applies a plan, as root.
func (m machine) testApplyService(t *testing.T) {
	t.Helper()
	m.run(t, "root", "cp -r /usr/share/doc/bayplan/examples/quickstart /etc/bayplan/")
	line := strings.ReplaceAll(m.serviceCommand(t, "bayplan@.service"), "%i", "quickstart")
	m.says(t, "root", line, "6 changed, 2 unchanged, 0 failed")
	m.says(t, "root", "ls /var/lib/bayplan", "quickstart")
	m.run(t, "root", "rm -rf /etc/bayplan/quickstart /var/lib/bayplan")
}
