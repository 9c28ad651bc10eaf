//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bayplan/bayplan/internal/standin"
)

// TestGlanceTogether applies one plan from two checkouts at the same time, 20 times, to a
// real Glance and to the cloud that bayplan brings with it. Every second time the names
// have other content already. Each name has one image at the end, nothing is left over,
// both runs succeed, and both find everything as wanted.
func TestGlanceTogether(t *testing.T) {
	t.Run("Glance", func(t *testing.T) {
		applyTogether(t, startCloud(t, func(glance string) string { return glance }))
	})
	t.Run("serve cloud", func(t *testing.T) {
		c := cloud{file: filepath.Join(t.TempDir(), "clouds.yaml")}
		if err := os.WriteFile(c.file, []byte(serve(t, "cloud", "--dir", t.TempDir())), 0o600); err != nil {
			t.Fatal(err)
		}
		applyTogether(t, c)
	})
}

func applyTogether(t *testing.T, c cloud) {
	t.Helper()
	const rounds, names = 20, 3
	checkouts := []string{t.TempDir(), t.TempDir()}
	for round := range rounds {
		plan := fmt.Sprintf(`apiVersion: bayplan/v1
name: together
connections: { clouds: { undercloud: { cloud: bayplan } } }
steps:
  upload:
    type: glance-upload
    with:
      cloud: undercloud
      images:
        - { name: kernel-%[1]d, file: kernel, disk_format: aki, container_format: aki }
        - { name: disk-%[1]d, file: disk.raw, disk_format: raw, kernel: kernel-%[1]d }
        - { name: data-%[1]d, file: data.raw, disk_format: raw }
`, round/2)
		for _, dir := range checkouts {
			writeIn(t, dir, "bayplan.yaml", plan)
			writeIn(t, dir, "kernel", string(standin.Kernel(fmt.Sprint(round), 8<<10)))
			for i, file := range []string{"disk.raw", "data.raw"} {
				writeIn(t, dir, file, strings.Repeat(fmt.Sprintf("%s %d\n", file, round), 1000*(1+i)))
			}
		}
		bayplanTogether(t, c, checkouts, "apply")
		bayplanTogether(t, c, checkouts, "verify")
		if t.Failed() {
			t.Fatalf("round %d: images\n%s", round, c.openstack(t, "image", "list"))
		}
	}
	have := strings.Fields(c.openstack(t, "image", "list", "-f", "value", "-c", "Name"))
	slices.Sort(have)
	backups := 0
	for i, name := range have {
		if strings.Contains(name, "_") {
			backups++
		}
		if i > 0 && name == have[i-1] {
			t.Errorf("two images are named %s", name)
		}
	}
	if want := rounds / 2 * names; len(have) != 2*want || backups != want {
		t.Errorf("%d images, %d of them backups, want %d and %d: %s", len(have), backups, 2*want, want, have)
	}
}

// bayplanTogether runs bayplan in several checkouts at the same time.
func bayplanTogether(t *testing.T, c cloud, dirs []string, command string) {
	t.Helper()
	var wg sync.WaitGroup
	for _, dir := range dirs {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), "bayplan", command, "-f", filepath.Join(dir, "bayplan.yaml"))
			cmd.Env = append(os.Environ(), "OS_CLIENT_CONFIG_FILE="+c.file)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("bayplan %s: %v\n%s", command, err, out)
			}
		})
	}
	wg.Wait()
}
