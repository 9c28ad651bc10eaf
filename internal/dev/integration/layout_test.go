//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

const layoutPlan = `apiVersion: bayplan/v1
name: carried
connections:
  registries:
    upstream: %s
    local: %s
steps:
  out:
    type: mirror
    with: { images: images.txt, to: { layout: %s } }
`

const unloadStep = `  in:
    type: mirror
    needs: [out]
    with: { images: ["oci:%s"], to: local }
`

// TestLayout mirrors a set to a layout, a directory or an archive. Other clients
// read it there, and a mirror from the layout to a registry is complete.
func TestLayout(t *testing.T) {
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	images := fillSet(t, source, sizes{base: 256 << 10, service: 32 << 10, own: 16 << 10})
	for name, transport := range map[string]string{"images": "oci:", "images.tar": "oci-archive:"} {
		t.Run(name, func(t *testing.T) {
			var passed recorder
			dest := rawRegistry{url: startRegistry(t, t.TempDir())}
			layout := t.TempDir() + "/" + name
			text := fmt.Sprintf(layoutPlan, connectionTo(upstreamHost, passed.proxy(t, "source", source.url), ""), connectionTo(localHost, dest.url, ""), layout)
			s := newPlan(t, text)
			s.write(t, "images.txt", images.list(false))
			s.mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
			if pulled, _ := blobBytes(passed.take()); pulled != images.bytes {
				t.Errorf("pulled %d bytes of blobs, want %d", pulled, images.bytes)
			}
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
			s.mustRun(t, 0, []string{"verify"})
			if pulled, _ := blobBytes(passed.take()); pulled != 0 {
				t.Errorf("pulled %d bytes of blobs again", pulled)
			}

			// In a layout, skopeo 1.9 reads only OCI images.
			for _, img := range images.images {
				if !strings.HasPrefix(img.kind, "oci") {
					continue
				}
				raw := run(t, "skopeo", "inspect", "--raw", transport+layout+":"+img.repo+":"+img.tag)
				if got := digest([]byte(raw)); got != img.digest {
					t.Errorf("skopeo reads %s, %s, as %s, want %s", img.repo, img.kind, got, img.digest)
				}
			}
			if transport == "oci:" {
				images.checkReader(t, layout, fromLayoutByRegctl)
				index, err := os.ReadFile(layout + "/index.json")
				if err != nil {
					t.Fatal(err)
				}
				crane, all := program(t, pinned.Crane), strings.TrimPrefix(startRegistry(t, t.TempDir()), "http://")+"/all:1"
				run(t, crane, "push", "--insecure", "--index", layout, all)
				if got, want := strings.TrimSpace(run(t, crane, "digest", "--insecure", all)), digest(index); got != want {
					t.Errorf("crane has read %s, want %s", got, want)
				}
			}

			s.write(t, "bayplan.yaml", text+fmt.Sprintf(unloadStep, layout))
			s.mustRun(t, 0, []string{"apply"}, "1 changed, 1 unchanged, 0 failed")
			images.checkAt(t, dest)
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 2 unchanged, 0 failed")
		})
	}
}

// fromLayoutByRegctl copies every image from one layout to another, by digest:
// regctl knows only tags as names in a layout.
func fromLayoutByRegctl(t *testing.T, layout string, images []setImage) map[string]string {
	t.Helper()
	regctl, dir := program(t, pinned.Regctl), t.TempDir()
	return readParallel(images, func(img setImage) string {
		to := "ocidir://" + filepath.Join(dir, filepath.Base(img.repo)) + ":" + img.tag
		run(t, regctl, "image", "copy", "ocidir://"+layout+"@"+img.digest, to)
		return strings.TrimSpace(run(t, regctl, "image", "digest", to))
	})
}
