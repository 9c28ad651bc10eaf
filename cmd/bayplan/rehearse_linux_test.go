package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A rehearsal needs no network: it works where even the loopback interface is down, and
// where there are neither an environment nor a home directory. Where the kernel allows
// nobody to make such a namespace, it runs without one.
func TestRehearseWithoutNetwork(t *testing.T) {
	plan, err := filepath.Abs(filepath.Join("..", "..", "examples", "ironic-standalone", "bayplan.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(flags uintptr) (string, error) {
		cmd := command(t, t.TempDir(), "rehearse", plan)
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
	if err != nil || !strings.Contains(out, "and nothing is wrong") {
		t.Errorf("%v\n%s", err, out)
	}
}
