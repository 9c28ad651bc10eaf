//go:build integration

package integration

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A set is 45 images of every kind in registries: of both families, every fourth
// one for three architectures. They share layers like the images of a release:
// all images share one, every three images share one, and each has one of its
// own.
type set struct {
	images    []setImage
	blobs     map[string]int // sizes by digest
	bytes     int            // of all blobs, each once
	manifests int
	places    map[string]bool // REPOSITORY@BLOB for each blob in each repository
}

type setImage struct {
	repo, tag, digest string
	kind              string
}

// name returns the name of the image at its source, with its digest if locked.
func (i setImage) name(locked bool) string {
	name := upstreamHost + "/" + i.repo + ":" + i.tag
	if locked {
		name += "@" + i.digest
	}
	return name
}

// sizes are the sizes of a set's layers.
type sizes struct {
	base, service, own int
}

// A setMaker pushes a set to a registry.
type setMaker struct {
	t    *testing.T
	to   rawRegistry
	size sizes
	set  set
	home map[string]string // a blob's digest -> the repository it was pushed to
}

// fillSet pushes a set.
func fillSet(t *testing.T, to rawRegistry, size sizes) set {
	t.Helper()
	m := newSetMaker(t, to, size)
	for n := range 45 {
		m.image(n)
	}
	return m.set
}

func newSetMaker(t *testing.T, to rawRegistry, size sizes) *setMaker {
	return &setMaker{t: t, to: to, size: size, set: set{blobs: map[string]int{}, places: map[string]bool{}}, home: map[string]string{}}
}

func (m *setMaker) image(n int) {
	img := setImage{repo: fmt.Sprintf("rhosp13/openstack-service-%02d", n), tag: "13.0-40"}
	family := docker
	img.kind = "schema2"
	if n%2 == 1 {
		family, img.kind = oci, "oci"
	}
	made := m.manifest
	if n%8 > 5 {
		made, img.kind = m.index, img.kind+" index"
	}
	img.digest = m.put(img.repo, made(family, img.repo, n), img.tag).Digest
	m.set.images = append(m.set.images, img)
}

// index pushes an image for three architectures and returns its index, which it
// does not push.
func (m *setMaker) index(family dialect, repo string, n int) manifest {
	made := manifest{SchemaVersion: 2, MediaType: family.index}
	for _, arch := range []string{"amd64", "arm64", "ppc64le"} {
		d := m.put(repo, m.manifestFor(family, repo, n, arch))
		d.Platform = &platform{Architecture: arch, OS: "linux"}
		made.Manifests = append(made.Manifests, d)
	}
	return made
}

func (m *setMaker) manifest(family dialect, repo string, n int) manifest {
	return m.manifestFor(family, repo, n, "amd64")
}

func (m *setMaker) put(repo string, made manifest, tags ...string) descriptor {
	m.set.manifests++
	return m.to.pushManifest(m.t, repo, made, tags...)
}

// manifestFor pushes the blobs of an image for one architecture.
func (m *setMaker) manifestFor(family dialect, repo string, n int, arch string) manifest {
	made := manifest{SchemaVersion: 2, MediaType: family.manifest}
	var diffs []string
	for _, l := range []struct {
		name string
		size int
	}{
		{"base", m.size.base},
		{fmt.Sprint("service ", n/3), m.size.service},
		{fmt.Sprint("image ", n, arch), m.size.own},
	} {
		blob := layer(m.t, l.name, l.size)
		made.Layers, diffs = append(made.Layers, m.push(repo, family.layer, blob)), append(diffs, unzippedDigest(m.t, blob))
	}
	config, err := json.Marshal(map[string]any{
		"architecture": arch,
		"os":           "linux",
		"config":       map[string]any{"Labels": map[string]string{"name": repo}},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": diffs},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	d := m.push(repo, family.config, config)
	made.Config = &d
	return made
}

func (m *setMaker) push(repo, mediaType string, blob []byte) descriptor {
	d := m.to.pushBlob(m.t, repo, m.home[digest(blob)], blob)
	if m.home[d.Digest] == "" {
		m.home[d.Digest] = repo
		m.set.blobs[d.Digest] = d.Size
		m.set.bytes += d.Size
	}
	m.set.places[repo+"@"+d.Digest] = true
	d.MediaType = mediaType
	return d
}

// unzippedDigest returns the digest of a layer in the configuration.
func unzippedDigest(t *testing.T, blob []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(blob))
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return digest(unzipped)
}

// list returns the set as a plain list of images.
func (s set) list(locked bool) string {
	var b strings.Builder
	for _, img := range s.images {
		fmt.Fprintln(&b, img.name(locked))
	}
	return b.String()
}

// checkAt checks that a registry holds the set: every tag has the digest of the
// source, and every blob is there.
func (s set) checkAt(t *testing.T, r rawRegistry) {
	t.Helper()
	for _, img := range s.images {
		if got := r.manifest(t, img.repo, img.tag); got != img.digest {
			t.Errorf("%s:%s is %s, want %s", img.repo, img.tag, got, img.digest)
		}
	}
}

// blobBytes returns how many bytes of blobs the source has sent and the
// destination has received.
func blobBytes(all []*exchange) (pulled, pushed int) {
	for _, x := range all {
		switch {
		case x.side == "source" && strings.Contains(x.path, "/blobs/") && x.method == http.MethodGet:
			pulled += int(x.received.Load())
		case x.side == "destination" && strings.Contains(x.path, "/blobs/uploads/"):
			pushed += int(x.sent.Load())
		}
	}
	return pulled, pushed
}

const mirrorPlan = `apiVersion: bayplan/v1
name: mirrored
connections:
  registries:
    upstream: %s
    local: %s
steps:
  containers:
    type: mirror
    with: { images: images.txt, to: local%s }
`

const deepCatalogStep = `  catalog:
    type: verify-catalog
    with: { expect: "${steps.containers.images}", registry: local, deep: true }
`

// newMirror makes a site whose plan mirrors the set from one connection to
// another. more adds settings to the mirror step. steps follow it.
func newMirror(t *testing.T, images set, upstream, local, more string, steps ...string) *site {
	t.Helper()
	s := newPlan(t, fmt.Sprintf(mirrorPlan, upstream, local, more)+strings.Join(steps, ""))
	s.write(t, "images.txt", images.list(false))
	return s
}
