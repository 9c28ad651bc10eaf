package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/minisign"
)

// mediaPlans are the two sides of a medium in pieces, signed: mirror and artifact fill it, and the
// inside is brought what it has.
var mediaPlans = map[string]string{
	"outside.yaml": `apiVersion: bayplan/v1
name: outside
vars: { images: one.txt }
connections:
  registries:
    upstream: { host: registry.access.redhat.com, embedded: { images: rhosp13 } }
steps:
  images:
    type: mirror
    with: { images: "${vars.images}", to: { layout: media/m.tar, split: 64KiB, sign: { key: centre.key } } }
  files:
    type: artifact
    with: { name: "boot/agent:1", files: [big.bin], to: { layout: media/m.tar, split: 64KiB, sign: { key: centre.key } } }
`,
	"inside.yaml": `apiVersion: bayplan/v1
name: inside
connections:
  registries:
    edge: { host: "192.0.2.1:8787", tls: disabled, embedded: { dir: registry } }
steps:
  push:
    type: mirror
    with: { images: [{ layout: media/m.tar, key: centre.pub }], to: edge }
`,
	"one.txt": "registry.access.redhat.com/rhosp13/openstack-base:13.0-40\n",
	"two.txt": "registry.access.redhat.com/rhosp13/openstack-base:13.0-40\nregistry.access.redhat.com/rhosp13/openstack-nova-compute:latest\n" +
		"registry.access.redhat.com/rhosp13/openstack-aodh-api:13.0-40\n",
}

// A medium is packed, extended and unpacked by runs that are killed, or end by Ctrl-C, at any point:
// each is repeated, and then all is there as if nothing had happened.
func TestLargeMediaKilled(t *testing.T) {
	stages := [][]string{{"apply", "-f", "outside.yaml"}, {"apply", "-f", "outside.yaml", "--var", "images=two.txt"}, {"apply", "-f", "inside.yaml"}}
	whole := mediaFolder(t)
	var took []time.Duration
	for _, args := range stages {
		began := time.Now()
		run(t, whole, append(args, "--json")...)
		took = append(took, time.Since(began))
	}
	want := holdings(t, whole)
	const points = 8
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		for i := range points {
			t.Run(fmt.Sprintf("%s at %d of %d", signal, i+1, points), func(t *testing.T) {
				dir := mediaFolder(t)
				for n, args := range stages {
					signalAfter(t, command(t, dir, args...), signal, took[n]*time.Duration(i+1)/(points+1))
					run(t, dir, append(args, "--json")...)
				}
				if diff := cmp.Diff(want, holdings(t, dir)); diff != "" {
					t.Errorf("what is there in the end (-want +got):\n%s", diff)
				}
				for _, args := range stages[1:] {
					if last := run(t, dir, append(args, "--json")...); len(finished(last)) > 0 {
						t.Errorf("%s still changed %v", strings.Join(args, " "), finished(last))
					}
					run(t, dir, append([]string{"verify", "--json"}, args[1:]...)...)
				}
			})
		}
	}
}

func mediaFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	public, secret, err := minisign.Generate(strings.NewReader(strings.Repeat("k", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"centre.pub": string(public), "centre.key": string(secret), "big.bin": strings.Repeat("a file of some length\n", 50_000)}
	for name, text := range mediaPlans {
		files[name] = text
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// signalAfter runs a command and sends it a signal after some time, unless it has ended.
func signalAfter(t *testing.T, cmd *exec.Cmd, signal syscall.Signal, after time.Duration) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it may have been killed
	}()
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		_ = cmd.Process.Signal(signal)
		<-ended
	}
}

// holdings lists what the medium and the registry inside hold, and the files of the medium by their
// kind.
func holdings(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, args := range [][]string{{"inventory", "oci:media/m.tar"}, {"inventory", "edge", "-f", "inside.yaml"}} {
		out, err := command(t, dir, args...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "made: ") {
				all = append(all, line)
			}
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, "media"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "m.tar.0") { // what was never named makes the row longer
			all = append(all, e.Name())
		}
	}
	return all
}
