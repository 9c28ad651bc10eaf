package registry

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// A layout whose images are named by another tool is copied, whole and image by image.
func TestForeignLayouts(t *testing.T) {
	for name, tt := range map[string]struct {
		annotations string // of the one image, in place of bayplan's
		whole       string // name of the image, "" where the whole layout cannot be copied
		one         string // a name that is read
	}{
		"docker save":           {`"io.containerd.image.name":"docker.io/library/busybox:1.36","org.opencontainers.image.ref.name":"1.36"`, "library/busybox:1.36", "library/busybox:1.36"},
		"skopeo, podman":        {`"org.opencontainers.image.ref.name":"localhost/mine:latest"`, "mine:latest", "mine:latest"},
		"oras, skopeo with tag": {`"org.opencontainers.image.ref.name":"v1"`, "", "any/name:v1"},
		"buildkit":              {`"io.containerd.image.name":"registry.example/ns/app:2","org.opencontainers.image.created":"2024-01-01"`, "ns/app:2", "ns/app:2"},
		"crane":                 {`"org.opencontainers.image.created":"2024-01-01"`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			src, _, c := pair(t)
			src.image(t, "ns/a", "1", nil, random(5, 100))
			dir := t.TempDir()
			if err := c.Execute(t.Context(), plan(t, c, []Image{{Source: srcHost + "/ns/a:1", Target: LayoutPrefix + dir + ":ns/a:1"}}), Options{}); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "index.json")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			own := `"org.opencontainers.image.ref.name": "ns/a:1"`
			if !strings.Contains(string(text), own) {
				t.Fatal(string(text))
			}
			if err := os.WriteFile(file, []byte(strings.Replace(string(text), own, tt.annotations, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			images, err := c.LayoutImages(dir)
			var names []string
			switch {
			case tt.whole == "":
				_, form, _ := strings.Cut(fault.Hint(err), "to have: ")
				if err == nil || form == "" {
					t.Fatalf("got %v, hint %q", err, fault.Hint(err))
				}
				names = append(names, strings.NewReplacer("REPOSITORY", "given/name", "TAG", "t").Replace(form))
			case err != nil || len(images) != 1 || !strings.HasPrefix(images[0], LayoutPrefix+dir+":"+tt.whole+"@sha256:"):
				t.Fatalf("got %v, %v", images, err)
			default:
				names = append(names, images[0])
			}
			if tt.one != "" {
				names = append(names, LayoutPrefix+dir+":"+tt.one)
			}
			for i, source := range names {
				target := fmt.Sprintf("%s/copied/n%d:1", dstHost, i)
				if err := c.Execute(t.Context(), plan(t, c, []Image{{Source: source, Target: target}}), Options{}); err != nil {
					t.Errorf("%s: %v", source, err)
				}
			}
		})
	}
}

// Archives of docker save before version 25 are told by this name.
func TestOldDockerArchives(t *testing.T) {
	_, _, c := pair(t)
	files := map[string]string{"manifest.json": `[{"Config":"x.json","RepoTags":["busybox:1.36"],"Layers":["x/layer.tar"]}]`, "x.json": "{}", "repositories": "{}"}
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	archive, linked := filepath.Join(t.TempDir(), "old.tar"), filepath.Join(t.TempDir(), "linked.tar")
	for _, path := range []string{archive, linked} {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(f)
		if path == linked {
			_ = w.WriteHeader(&tar.Header{Name: "x/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "../y/layer.tar"})
		}
		for name, text := range files {
			_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
			_, _ = w.Write([]byte(text))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	for _, path := range []string{dir, archive, linked} {
		_, err := c.LayoutImages(path)
		if err == nil || !strings.Contains(err.Error(), "it is an archive in the old format of docker save") || !strings.Contains(fault.Hint(err), "oci-archive") {
			t.Errorf("%s: got %v (%s)", path, err, fault.Hint(err))
		}
	}
}
