package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/internal/dev/checkedin"
)

// A unit is what a unit file of systemd sets, by section and key, in order.
type unit map[string][]string

// readUnit reads a unit file of the examples as systemd.syntax(7) describes it: a line
// that ends with a backslash goes on in the next one.
func readUnit(t *testing.T, name string) unit {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "systemd", name))
	if err != nil {
		t.Fatal(err)
	}
	u, section := unit{}, ""
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		line = strings.TrimSpace(line)
		switch key, value, assigns := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		case assigns:
			u[section+"."+key] = append(u[section+"."+key], value)
		default:
			t.Errorf("%s: %q is not a setting", name, line)
		}
	}
	return u
}

// one returns the only value of a setting.
func (u unit) one(t *testing.T, key string) string {
	t.Helper()
	if len(u[key]) != 1 {
		t.Fatalf("%s has the values %q, want one", key, u[key])
	}
	return u[key][0]
}

// The command line of the service works, with the directories that the unit names, and
// leaves the metrics there.
func TestSystemdService(t *testing.T) {
	service := readUnit(t, "bayplan@.service")
	root := t.TempDir()
	plan := filepath.Join(root, "etc", "bayplan", "quickstart")
	if err := checkedin.Copy(filepath.Join("..", "..", "examples", "quickstart"), plan); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(root, "var", "lib", service.one(t, "Service.StateDirectory"))
	collector := filepath.Join(root, "var", "lib", "node_exporter", "textfile_collector")
	for _, dir := range []string{state, collector} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	line := strings.ReplaceAll(service.one(t, "Service.ExecStart"), "%i", "quickstart")
	args := strings.Fields(strings.ReplaceAll(line, "$APPLY_FLAGS", "--metrics /var/lib/node_exporter/textfile_collector/bayplan-quickstart.prom"))
	if slices.Contains(args, "--metrics") == strings.Contains(line, "--metrics") {
		t.Errorf("%s asks for metrics by itself: not every host has node_exporter", line)
	}
	if args[0] != "/usr/local/bin/bayplan" {
		t.Errorf("it runs %s", args[0])
	}
	for i, arg := range args[1:] {
		if filepath.IsAbs(arg) {
			args[1+i] = root + arg
		}
	}
	var out, errs bytes.Buffer
	if code := newProgram(&out, &errs).run(args); code != exitcode.Done {
		t.Fatalf("%q exits with %d: %s", args, code, errs.String())
	}
	text, err := os.ReadFile(filepath.Join(collector, "bayplan-quickstart.prom"))
	if err != nil || !strings.Contains(string(text), `bayplan_last_run_success{command="apply",plan="quickstart"} 1`) {
		t.Errorf("metrics: %v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(state, "quickstart", "state.json")); err != nil {
		t.Error(err)
	}
	// What the plan's folder gets beside the plan's own files may be written.
	if got := service.one(t, "Service.ReadWritePaths"); got != "/etc/bayplan" {
		t.Errorf("it may write %s", got)
	}
	if got := service.one(t, "Service.Type"); got != "oneshot" {
		t.Errorf("type %s: a run may overlap with the next one", got)
	}
}

// The service runs the plan of a site with the flags that its environment file has, and what
// it reports is at the centre.
func TestSystemdServiceOfASite(t *testing.T) {
	service := readUnit(t, "bayplan@.service")
	root := t.TempDir()
	dir := filepath.Join(root, "etc", "bayplan", "edge")
	if err := checkedin.Copy(filepath.Join("..", "..", "examples", "edge"), dir); err != nil {
		t.Fatal(err)
	}
	connections := filepath.Join(root, "connections.yaml")
	mock := `connections:
  registries:
    centre: { host: registry.example.com, embedded: { dir: centre } }
    site: { host: "registry.edge1.example.com:5000", embedded: {} }
`
	if err := os.WriteFile(connections, []byte(mock), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := os.ReadFile(filepath.Join(dir, "environment"))
	if err != nil {
		t.Fatal(err)
	}
	_, flags, found := strings.Cut(string(env), "\nAPPLY_FLAGS=")
	if !found {
		t.Fatalf("no flags in %s", env)
	}
	line := strings.ReplaceAll(service.one(t, "Service.ExecStart"), "%i", "edge")
	line = strings.NewReplacer("$APPLY_FLAGS", strings.TrimSpace(flags), "/etc/", root+"/etc/", "/var/", root+"/var/").Replace(line)
	lock := filepath.Join(dir, "bayplan.lock.yaml")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	args := append(strings.Fields(line), "--connections", connections, "--lock", lock)
	if code := newProgram(&out, &errs).run(args); code != exitcode.Failed || strings.Contains(errs.String(), "not sent") { // no tag is locked
		t.Fatalf("%q exits with %d: %s", args, code, errs.String())
	}
	out.Reset()
	status := []string{"bayplan", "status", "-f", filepath.Join(dir, "bayplan.yaml"), "--connections", connections, "--reports-from", "oci://registry.example.com/bayplan/reports"}
	if code := newProgram(&out, &errs).run(status); code != exitcode.Done || !strings.Contains(out.String(), "edge1  failing") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
	}
}

func TestSystemdTimer(t *testing.T) {
	timer := readUnit(t, "bayplan@.timer")
	for _, key := range []string{"Timer.OnCalendar", "Timer.RandomizedDelaySec", "Timer.Persistent", "Install.WantedBy"} {
		timer.one(t, key)
	}
}

// systemd itself finds nothing to say about the units, where it is installed.
func TestSystemdAnalyze(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Logf("the units are only read: %v", err)
		return
	}
	root := t.TempDir()
	units := filepath.Join(root, "etc", "systemd", "system")
	if err := checkedin.Copy(filepath.Join("..", "..", "examples", "systemd"), units); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "usr", "local", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "bayplan"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{"sysinit", "basic", "shutdown", "network-online", "timers", "time-set", "time-sync"} { // of every system
		if err := os.WriteFile(filepath.Join(units, of+".target"), []byte("[Unit]\nDescription=x\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--root="+root, "bayplan@edge.service", "bayplan@edge.timer", "bayplan-registry.service")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
