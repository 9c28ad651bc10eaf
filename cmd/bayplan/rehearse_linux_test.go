package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// withoutNetwork runs a command where even the loopback interface is down, and where there are
// neither an environment nor a home directory. Where the kernel allows nobody to make such a
// namespace, it runs without one.
func withoutNetwork(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	run := func(flags uintptr) (string, error) {
		cmd := command(t, dir, args...)
		cmd.Env = []string{"TMPDIR=" + t.TempDir()}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  flags,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		if flags == 0 {
			cmd.SysProcAttr = nil
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run(syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET)
	if err != nil && out == "" {
		t.Logf("no network namespace can be made here: %v", err)
		out, err = run(0)
	}
	return out, err
}

// A rehearsal needs no network.
func TestRehearseWithoutNetwork(t *testing.T) {
	plan, err := filepath.Abs(filepath.Join("..", "..", "examples", "ironic-standalone", "bayplan.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := withoutNetwork(t, t.TempDir(), "rehearse", plan)
	if err != nil || !strings.Contains(out, "and nothing is wrong") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Files come out of a medium where there is no network.
func TestFetchWithoutNetwork(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"agent.kernel": "kernel\n",
		"outside.yaml": `apiVersion: bayplan/v1
name: outside
steps:
  pack: { type: artifact, with: { files: [agent.kernel], name: "boot/agent:1", to: { layout: media.tar } } }
`,
		"inside.yaml": `apiVersion: bayplan/v1
name: inside
steps:
  kernel: { type: fetch, with: { url: "oci:` + dir + `/media.tar:boot/agent:1", to: kernel } }
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"outside.yaml", "inside.yaml"} {
		if out, err := withoutNetwork(t, dir, "apply", "-f", file); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "kernel")); err != nil || string(got) != "kernel\n" {
		t.Errorf("%q, %v", got, err)
	}
}
