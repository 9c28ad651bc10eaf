package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
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
		"crane":                 {`"org.opencontainers.image.created":"2024-01-01"`, "", "any/name:v1"},
		"buildah push oci:dir":  {`"org.opencontainers.image.ref.name":"latest"`, "", "any/name:latest"},
		"skopeo oci:dir:a:1":    {`"org.opencontainers.image.ref.name":"busybox:1.36"`, "busybox:1.36", "busybox:1.36"},
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
		if err == nil || !strings.Contains(err.Error(), "it is an archive in the old format of docker save, which podman save and crane pull write, too") || !strings.Contains(fault.Hint(err), "oci-archive") {
			t.Errorf("%s: got %v (%s)", path, err, fault.Hint(err))
		}
	}
}

// Archives and directories of other tools are told by their names, and what to do with them.
func TestOtherForms(t *testing.T) {
	_, _, c := pair(t)
	const layout, index = `{"imageLayoutVersion":"1.0.0"}`, `{"schemaVersion":2,"manifests":[]}`
	for name, tt := range map[string]struct {
		path       string // ends in .tar for an archive, in / for a directory
		files      []string
		compress   bool
		want, hint string
	}{
		"crane":              {"a.tar", []string{"sha256:0", "{}", "0.tar.gz", "x", "manifest.json", "[]"}, false, "in the old format of docker save, which podman save and crane pull write, too", "crane pull --format oci"},
		"podman":             {"a.tar", []string{"0.tar", "x", "0.json", "{}", "manifest.json", "[]"}, false, "in the old format of docker save", "podman save --format oci-archive"},
		"compressed":         {"a.tar", []string{"oci-layout", layout, "index.json", index}, true, "it is compressed by gzip", "decompress it"},
		"zstd":               {"a.tar", []string{"", "\x28\xb5\x2f\xfd rest"}, false, "it is compressed by zstd", "decompress it"},
		"xz":                 {"a.tar", []string{"", "\xfd7zXZ\x00 rest"}, false, "it is compressed by xz", "decompress it"},
		"within a directory": {"a.tar", []string{"media/oci-layout", layout, "media/index.json", index}, false, "it holds one in its directory media", "tar -C media -cf NEW.tar ."},
		"another ending":     {"a.img", []string{"oci-layout", layout, "index.json", index}, false, "a.img is a file: the name of a layout in a tar archive ends in .tar", "give it such a name"},
		"skopeo dir:":        {"a/", []string{"version", "Directory Transport Version: 1.1\n", "manifest.json", "{}"}, false, "skopeo's own format of directories", "skopeo copy dir:"},
		"text":               {"a.tar", []string{"", "no archive at all"}, false, "the entry after byte 0: unexpected EOF", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), tt.path)
			for i := 0; i < len(tt.files) && strings.HasSuffix(tt.path, "/"); i += 2 {
				_ = os.Mkdir(path, 0o755)
				if err := os.WriteFile(filepath.Join(path, tt.files[i]), []byte(tt.files[i+1]), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if !strings.HasSuffix(tt.path, "/") {
				if err := os.WriteFile(path, archiveOf(t, tt.files, tt.compress), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for what, err := range map[string]error{
				"all":    second(c.LayoutImages(path)),
				"one":    plan(t, c, []Image{{Source: LayoutPrefix + path + ":a/b:1", Target: dstHost + "/a/b:1"}}).Err(),
				"target": plan(t, c, []Image{{Source: srcHost + "/a/b:1", Target: LayoutPrefix + path + ":a/b:1"}}).Err(),
			} {
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(fault.Hint(err), tt.hint) {
					t.Errorf("%s: got %v (%s)", what, err, fault.Hint(err))
				}
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// archiveOf packs pairs of a name and a text. A text without a name is the file.
func archiveOf(t *testing.T, files []string, compress bool) []byte {
	t.Helper()
	if files[0] == "" {
		return []byte(files[1])
	}
	var b bytes.Buffer
	var to io.WriteCloser = nopCloser{&b}
	if compress {
		to = gzip.NewWriter(&b)
	}
	w := tar.NewWriter(to)
	for i := 0; i < len(files); i += 2 {
		_ = w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))})
		_, _ = w.Write([]byte(files[i+1]))
	}
	if err := errors.Join(w.Close(), to.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
