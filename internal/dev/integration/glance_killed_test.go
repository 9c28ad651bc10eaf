//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestGlanceKilled kills the process of a real Glance during an upload. The image
// record stays in status saving for ever and accepts no data. The same run of
// bayplan deletes it and uploads the image to a new record.
func TestGlanceKilled(t *testing.T) {
	const size = 600 << 20
	cloud := startCloud(t, func(glance string) string { return glance })
	dir := t.TempDir()
	writeIn(t, dir, "data.raw", "data")
	if err := os.Truncate(filepath.Join(dir, "data.raw"), size); err != nil {
		t.Fatal(err)
	}
	writeIn(t, dir, "bayplan.yaml", `apiVersion: bayplan/v1
name: killed
connections: { clouds: { undercloud: { cloud: bayplan } } }
steps:
  upload:
    type: glance-upload
    with: { cloud: undercloud, images: [{ name: data, file: data.raw, disk_format: raw }] }
`)
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "bayplan", "apply", "-f", filepath.Join(dir, "bayplan.yaml"))
	cmd.Env = append(os.Environ(), "OS_CLIENT_CONFIG_FILE="+cloud.file)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const staging = "data.bayplan-upload"
	var record imageRecord
	for record.Status != "saving" {
		images := cloud.images(t)
		if record = images[staging]; images["data"].Status == "active" {
			t.Fatal("the upload was over before it could be disturbed")
		}
	}
	kill(t, workerOf(t, filepath.Dir(cloud.file)))
	if err := cmd.Wait(); err != nil {
		t.Fatalf("bayplan: %v\n%s", err, said.Bytes())
	}
	images := cloud.images(t)
	data := images["data"]
	if len(images) != 1 || data.ID == record.ID || data.Status != "active" || data.Size != size || data.Hash != sha512File(t, dir, "data.raw") {
		t.Errorf("images %+v, the record was %s\n%s", images, record.ID, said.Bytes())
	}
}

// workerOf returns the worker process of the Glance in dir, a child of the process
// that was started.
func workerOf(t *testing.T, dir string) int {
	t.Helper()
	parents := map[int]int{}
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		line, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(line), filepath.Join(dir, "glance", "glance-api.conf")) {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(file), "stat"))
		if err != nil {
			continue
		}
		var pid, parent int
		var state string
		rest := string(stat[bytes.LastIndexByte(stat, ')')+1:])
		if _, err := fmt.Sscan(rest, &state, &parent); err != nil {
			t.Fatal(err)
		}
		if pid, err = strconv.Atoi(filepath.Base(filepath.Dir(file))); err != nil {
			t.Fatal(err)
		}
		parents[pid] = parent
	}
	for pid, parent := range parents {
		if _, ours := parents[parent]; ours {
			return pid
		}
	}
	t.Fatalf("no Glance process in %s has a parent Glance: %v", dir, parents)
	return 0
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
