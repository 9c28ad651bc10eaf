//go:build integration

package integration

import (
	"os/exec"
	"strings"
	"testing"
)

const mediaOutside = `apiVersion: bayplan/v1
name: outside
connections:
  registries:
    upstream: { host: registry.access.redhat.com, embedded: { images: rhosp13 } }
steps:
  images:
    type: mirror
    with:
      images: [registry.access.redhat.com/rhosp13/openstack-aodh-api:13.0-40]
      to: { layout: media.tar, split: 64KiB, sign: { key: open.key } }
  files:
    type: artifact
    with: { name: "boot/agent:1", files: [outside.yaml], to: { layout: media.tar, split: 64KiB, sign: { key: open.key } } }
`

const mediaInside = `apiVersion: bayplan/v1
name: inside
connections:
  registries:
    edge: { host: "192.0.2.1:8787", tls: disabled, embedded: { dir: registry } }
steps:
  push:
    type: mirror
    with: { images: [{ layout: media.tar, key: open.pub }], to: edge }
  agent:
    type: fetch
    with: { url: "oci:${vars.folder}/media.tar:boot/agent:1", key: open.pub, to: agent.yaml }
  catalog:
    type: verify-catalog
    needs: [push]
    with: { registry: edge, expect: [{ layout: media.tar, key: open.pub }], deep: true }
`

// TestMediaWithoutNetwork takes a signed medium in where there is no network at all: a network
// namespace whose only interface, loopback, is down, and which has no route.
func TestMediaWithoutNetwork(t *testing.T) {
	s := newPlan(t, "")
	s.write(t, "outside.yaml", mediaOutside)
	s.write(t, "inside.yaml", strings.Replace(mediaInside, "name: inside\n", "name: inside\nvars: { folder: "+s.dir+" }\n", 1))
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = s.dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("minisign", "-G", "-W", "-p", "open.pub", "-s", "open.key")
	if out := run("bayplan", "apply", "-f", "outside.yaml"); !strings.Contains(out, "2 changed, 0 unchanged, 0 failed") {
		t.Error(out)
	}
	const alone = `test "$(wc -l </proc/net/route)" -le 1 && test "$(grep -c : /proc/net/dev)" = 1 && exec "$@"`
	for _, args := range [][]string{
		{"diff", "-f", "inside.yaml"}, {"apply", "-f", "inside.yaml"}, {"verify", "-f", "inside.yaml"}, {"inventory", "edge", "-f", "inside.yaml", "-o", "receipt.yaml"},
	} {
		out := run(append([]string{"unshare", "-n", "sh", "-c", alone, "sh", "bayplan"}, args...)...)
		if args[0] == "apply" && !strings.Contains(out, "0 failed") {
			t.Error(out)
		}
	}
	run("cmp", "outside.yaml", "agent.yaml")
	if out := run("bayplan", "apply", "-f", "inside.yaml"); !strings.Contains(out, "0 changed, 3 unchanged, 0 failed") {
		t.Error(out)
	}
}
