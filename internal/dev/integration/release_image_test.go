//go:build integration

package integration

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// testImage pushes the image with bayplan to bayplan's registry, pulls it from there, and
// runs it as its configuration says, in nothing but its own files.
func (d dist) testImage(t *testing.T) {
	archive := filepath.Join(d.dir, "bayplan_"+d.version+"_oci.tar")
	addr := "127.0.0.1:" + freePort(t)
	startServer(t, "serve.sh", filepath.Join(t.TempDir(), "log"), "http://"+addr+"/v2/", "bayplan", "serve", "registry", "--addr", addr)
	s := newPlan(t, fmt.Sprintf(`apiVersion: bayplan/v1
name: push
connections:
  registries:
    local: { host: %q, tls: disabled }
steps:
  image:
    type: mirror
    with: { images: ["oci:%s"], to: local }
`, addr, archive))
	s.mustRun(t, 0, []string{"apply"})
	name := addr + "/bayplan:" + d.version

	for _, arch := range []string{"amd64", "arm64"} {
		var image struct{ Architecture, Os string }
		out := run(t, "skopeo", "inspect", "--tls-verify=false", "--override-arch="+arch, "docker://"+name)
		if err := json.Unmarshal([]byte(out), &image); err != nil || image.Architecture != arch || image.Os != "linux" {
			t.Errorf("for %s there is %+v, %v", arch, image, err)
		}
	}
	run(t, "skopeo", "copy", "-q", "--dest-tls-verify=false", "oci-archive:"+archive, "docker://"+addr+"/copied:1")
	var image struct {
		Config struct {
			User, WorkingDir string
			Entrypoint, Env  []string
			Labels           map[string]string
		}
	}
	out := run(t, "skopeo", "inspect", "--config", "--tls-verify=false", "--override-arch="+runtime.GOARCH, "docker://"+name)
	if err := json.Unmarshal([]byte(out), &image); err != nil {
		t.Fatal(err)
	}
	if got := image.Config.Labels["org.opencontainers.image.version"]; got != d.version {
		t.Errorf("its label says version %q, want %s", got, d.version)
	}
	dir := publicDir(t)
	root := filepath.Join(dir, "root")
	shell(t, `skopeo copy -q --src-tls-verify=false --override-arch="$3" "docker://$1" "dir:$2/image"
mkdir "$2/root"; for layer in $(jq -r '.layers[].digest' "$2/image/manifest.json"); do tar -C "$2/root" -xzpf "$2/image/${layer#sha256:}"; done
cp -r ../../../examples/quickstart "$2/root/work/"; rm -rf "$2/root/work/quickstart/world" "$2/root/work/quickstart/.bayplan"; chown -R "$4" "$2/root/work"`,
		name, dir, runtime.GOARCH, image.Config.User)
	inside := func(args ...string) string {
		line := append(append([]string{"--userspec=" + image.Config.User, root}, image.Config.Entrypoint...), args...)
		return run(t, "env", append(append([]string{"-i"}, image.Config.Env...), append([]string{"/usr/sbin/chroot"}, line...)...)...)
	}
	if image.Config.User != "65534:65534" || image.Config.WorkingDir != "/work" {
		t.Errorf("it runs as %s in %s", image.Config.User, image.Config.WorkingDir)
	}
	for _, args := range [][]string{{"version"}, {"apply", "-f", "/work/quickstart/bayplan.yaml"}, {"verify", "-f", "/work/quickstart/bayplan.yaml"}} {
		if inside(args...) == "" {
			t.Errorf("%v prints nothing", args)
		}
	}
	authorities, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))
	if pool := x509.NewCertPool(); err != nil || !pool.AppendCertsFromPEM(authorities) {
		t.Errorf("certificates: %v", err)
	}
}
