//go:build integration

package integration

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// walkthrough is the directory of the walk-through's files. Other tests use it, too.
const walkthrough = "../../tripleo/testdata/walkthrough/"

// An image is an image of the walk-through in its source registry.
type image struct {
	repo, tag string
}

// sampleImages reads the images and tags from the walk-through's environment file.
func sampleImages(t *testing.T) []image {
	t.Helper()
	text, err := os.ReadFile(walkthrough + "overcloud_images.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)192\.0\.2\.1:8787/(\S+):(\S+)$`).FindAllStringSubmatch(string(text), -1) {
		tags[m[1]] = m[2]
	}
	var images []image
	for _, repo := range slices.Sorted(maps.Keys(tags)) {
		images = append(images, image{repo: repo, tag: tags[repo]})
	}
	return images
}

// fillRegistry pushes each image under its tag and under "latest", with labels
// that give the tag. The images share layers like real ones: all images share
// one, the images of a service share one, and each has one of its own. It returns
// the digests of the manifests by repository.
func fillRegistry(t *testing.T, r rawRegistry, images []image) map[string]string {
	t.Helper()
	home := map[string]string{} // a blob's digest -> the repository it was pushed to
	push := func(repo string, blob []byte) descriptor {
		d := r.pushBlob(t, repo, home[digest(blob)], blob)
		if home[d.Digest] == "" {
			home[d.Digest] = repo
		}
		return d
	}
	digests := map[string]string{}
	for _, img := range images {
		name := strings.TrimPrefix(img.repo, "rhosp13/openstack-")
		service, _, _ := strings.Cut(name, "-")
		conf := push(img.repo, config(t, img))
		conf.MediaType = docker.config
		m := manifest{SchemaVersion: 2, MediaType: docker.manifest, Config: &conf}
		for _, l := range []struct {
			name string
			size int
		}{{"base", 4 << 20}, {"service " + service, 1 << 20}, {"image " + name, 256 << 10}} {
			m.Layers = append(m.Layers, push(img.repo, layer(t, l.name, l.size)))
		}
		digests[img.repo] = r.pushManifest(t, img.repo, m, img.tag, "latest").Digest
	}
	return digests
}

// config returns an image's configuration, with the labels that give its tag.
func config(t *testing.T, img image) []byte {
	t.Helper()
	version, release, _ := strings.Cut(img.tag, "-")
	b, err := json.Marshal(map[string]any{
		"architecture": "amd64",
		"os":           "linux",
		"config":       map[string]any{"Labels": map[string]string{"name": img.repo, "version": version, "release": release}},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// layer returns a gzipped tar with one file of noise. The name determines its bytes.
func layer(t *testing.T, name string, size int) []byte {
	t.Helper()
	noise := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(name))).Read(noise) // never fails
	var b bytes.Buffer
	zip, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(zip)
	if err := archive.WriteHeader(&tar.Header{Name: "noise", Mode: 0o644, Size: int64(size)}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write(noise); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
