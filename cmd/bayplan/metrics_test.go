package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/runner"
)

// A meteredPlan is a plan in a folder of its own.
type meteredPlan struct {
	t    *testing.T
	dir  string
	last float64 // the last success
}

const meteredText = `apiVersion: bayplan/v1
name: %s
connections: { hosts: { files: { host: files.example, embedded: { dir: files } } } }
steps:
  tree: { type: mkdir, with: { paths: [%s] } }
  file: { type: fetch, needs: [tree], with: { url: "https://files.example/a", to: made/a } }
`

func (m *meteredPlan) write(name, path string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, "bayplan.yaml"), fmt.Appendf(nil, meteredText, name, path), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// run runs a command with --metrics m.prom, and checks its exit code and some metrics.
func (m *meteredPlan) run(command string, code int, want map[string]float64) {
	m.t.Helper()
	m.exec(command, code)
	m.check(command, code, want)
}

// exec runs a command with --metrics m.prom, and checks its exit code.
func (m *meteredPlan) exec(command string, code int) {
	m.t.Helper()
	args := append([]string{"bayplan"}, strings.Fields(command)...)
	args = append(args, "--metrics", filepath.Join(m.dir, "m.prom"), "-f", filepath.Join(m.dir, "bayplan.yaml"))
	var errs bytes.Buffer
	if got := newProgram(&bytes.Buffer{}, &errs).run(args); got != code {
		m.t.Errorf("%s exits with %d, want %d: %s", command, got, code, errs.String())
	}
}

// check reads the file and compares it. A success moves the time of the last one, and a
// failure does not.
func (m *meteredPlan) check(what string, code int, want map[string]float64) {
	m.t.Helper()
	got := m.values()
	want["last_run_exit_code"], want["last_run_success"] = float64(code), 0
	success := code == exitcode.Done || code == exitcode.Changes
	if success {
		want["last_run_success"] = 1
	}
	for name, n := range want {
		if v, ok := got[name]; !ok || v != n {
			m.t.Errorf("%s: %s is %v, %v, want %v", what, name, v, ok, n)
		}
	}
	if last := got["last_success_timestamp_seconds"]; success != (last > m.last) || !success && last != m.last {
		m.t.Errorf("%s: the last success was %v and is %v", what, m.last, last)
	}
	m.last = got["last_success_timestamp_seconds"]
}

// values reads the file: names without bayplan_, with the status of a step behind them.
func (m *meteredPlan) values() map[string]float64 {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "m.prom"))
	if err != nil {
		m.t.Fatal(err)
	}
	values := map[string]float64{}
	line := regexp.MustCompile(`(?m)^bayplan_(\w+)\{command="\w+",plan="edge"(?:,status="([\w-]+)")?\} (\S+)$`)
	for _, found := range line.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseFloat(found[3], 64)
		if err != nil {
			m.t.Fatal(err)
		}
		values[strings.TrimSpace(found[1]+" "+found[2])] = n
	}
	return values
}

func newMeteredPlan(t *testing.T) *meteredPlan {
	m := &meteredPlan{t: t, dir: t.TempDir()}
	m.write("edge", "made")
	if err := os.MkdirAll(filepath.Join(m.dir, "files"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.dir, "files", "a"), make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMetrics(t *testing.T) {
	m := newMeteredPlan(t)
	m.run("apply", exitcode.Done, map[string]float64{"last_run_steps changed": 2, "last_run_items": 2, "last_run_moved_bytes": 1000})
	m.run("apply", exitcode.Done, map[string]float64{"last_run_steps changed": 0, "last_run_steps unchanged": 2, "last_run_items": 0})

	m.write("edge", "files/a") // is a file
	m.run("apply", exitcode.Failed, map[string]float64{"last_run_steps failed": 1, "last_run_steps skipped": 1})
	m.run("apply --only nothing", exitcode.Usage, map[string]float64{"last_run_steps failed": 0})
	m.write("edge", "\"${vars.none}\"")
	m.run("apply", exitcode.Usage, map[string]float64{})
	m.write("[", "made") // not even its name is known
	m.run("apply", exitcode.Usage, map[string]float64{})

	m.write("edge", "made")
	store, err := runner.OpenStore(filepath.Join(m.dir, ".bayplan", "edge"), filepath.Join(m.dir, "bayplan.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m.run("apply", exitcode.Locked, map[string]float64{"last_run_steps unchanged": 0})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	// The file is lost, and the state knows better.
	if err := os.Remove(filepath.Join(m.dir, "m.prom")); err != nil {
		t.Fatal(err)
	}
	m.write("edge", "files/a")
	m.exec("apply", exitcode.Failed)
	if last := m.values()["last_success_timestamp_seconds"]; last == 0 || last > m.last || last < m.last-60 {
		t.Errorf("the last success is %v, was %v", last, m.last)
	}
}

// A diff that found changes succeeded, and so did a verify that found none.
func TestMetricsOfOtherCommands(t *testing.T) {
	m := newMeteredPlan(t)
	m.run("diff --exit-code", exitcode.Changes, map[string]float64{"last_run_steps create": 2, "last_run_items": 2, "last_run_moved_bytes": 1000})
	m.last = 0
	m.run("verify", exitcode.Failed, map[string]float64{"last_run_steps verified": 0, "last_run_steps failed": 1, "last_run_steps skipped": 1})
	m.run("apply", exitcode.Done, map[string]float64{"last_run_steps changed": 2})
	m.last = 0
	m.run("verify", exitcode.Done, map[string]float64{"last_run_steps verified": 2})
}

func TestMetricsOfAnInterruptedRun(t *testing.T) {
	dir := quickstart(t)
	text, err := os.ReadFile(filepath.Join(dir, "bayplan.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("embedded: { images: rhosp13 }"), []byte("embedded: { images: rhosp13 }, bandwidth: 1KiB"), 1)
	text = bytes.Replace(text, []byte("name: quickstart"), []byte("name: edge"), 1)
	if err := os.WriteFile(filepath.Join(dir, "bayplan.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, dir, "apply", "--json", "--metrics", "m.prom")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if bytes.Contains(lines.Bytes(), []byte(`"step-begin","step":"base_tag"`)) {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 143 {
		t.Errorf("the apply ends with %v", err)
	}
	m := &meteredPlan{t: t, dir: dir}
	m.check("apply", 143, map[string]float64{"last_run_steps failed": 0})
}

func TestMetricsThatCannotBeWritten(t *testing.T) {
	m := newMeteredPlan(t)
	file := filepath.Join(m.dir, "bayplan.yaml")
	var errs bytes.Buffer
	if code := newProgram(&bytes.Buffer{}, &errs).run([]string{"bayplan", "apply", "-f", file, "--metrics", filepath.Join(m.dir, "none", "m.prom")}); code != exitcode.Usage {
		t.Errorf("exits with %d: %s", code, errs.String())
	}
	if _, err := os.Stat(filepath.Join(m.dir, "made")); !os.IsNotExist(err) {
		t.Errorf("something was run: %v", err)
	}
}
