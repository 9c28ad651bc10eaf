package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
)

// A layer of the synthetic set. Its number alone determines its content.
type layer struct {
	number int
	size   int64 // size of the file in it
}

// A recipe lists the layers of an image.
type recipe struct {
	repository string
	layers     []layer
}

// setVersion must change when the set changes, so that an old set is not reused.
const setVersion = "1"

const (
	setImages = 45
	setTag    = "13.0-40"
)

// makeSet returns the synthetic set. It resembles the images of an OpenStack
// release: 45 repositories share their three lowest layers, two or three services
// of a kind share one more layer, and each image has one or two layers of its
// own. With a unit of 1 MiB, the different blobs have about 600 MiB and all
// images together 4.9 GiB.
func makeSet(unit int64) []recipe {
	base := sizes([]float64{70.4, 22, 2.05}, unit)
	kinds := sizes(unevenParts(100, 14), unit)
	own := sizes(unevenParts(403.5, 70), unit)
	images := make([]recipe, setImages)
	more := setImages // number of the next second own layer
	for i := range images {
		r := recipe{repository: fmt.Sprintf("rhosp13/openstack-service-%02d", i)}
		for n, size := range base {
			r.layers = append(r.layers, layer{n, size})
		}
		if k, ok := kindOf(i); ok {
			r.layers = append(r.layers, layer{100 + k, kinds[k]})
		}
		// The factor 29 spreads the large layers over the list.
		r.layers = append(r.layers, layer{200 + i, own[i*29%len(own)]})
		if i%9 < 5 {
			r.layers = append(r.layers, layer{200 + more, own[more*29%len(own)]})
			more++
		}
		images[i] = r
	}
	return images
}

// kindOf returns the kind of service of image i: eleven kinds have three images,
// three kinds have two, and the last six images have no kind.
func kindOf(i int) (kind int, ok bool) {
	switch {
	case i < 33:
		return i / 3, true
	case i < 39:
		return 11 + (i-33)/2, true
	}
	return 0, false
}

// unevenParts divides total into n parts, of which a few are large.
func unevenParts(total float64, n int) []float64 {
	parts := make([]float64, n)
	sum := 0.0
	for i := range parts {
		parts[i] = 1 / float64(i+2)
		sum += parts[i]
	}
	for i := range parts {
		parts[i] *= total / sum
	}
	return parts
}

func sizes(parts []float64, unit int64) []int64 {
	all := make([]int64, len(parts))
	for i, p := range parts {
		all[i] = int64(p * float64(unit))
	}
	return all
}

// A descriptor names a blob or a manifest, as manifests do.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"`
	Digest    string `json:"digest"`
}

const (
	typeManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeConfig   = "application/vnd.docker.container.image.v1+json"
	typeLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// A digester counts and hashes what is written to it.
type digester struct {
	hash hash.Hash
	n    int64
}

func newDigester() *digester { return &digester{hash: sha256.New()} }

func (d *digester) Write(p []byte) (int, error) {
	d.n += int64(len(p))
	return d.hash.Write(p)
}

func (d *digester) digest() string { return "sha256:" + hex.EncodeToString(d.hash.Sum(nil)) }

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// write writes the layer, a real tar.gz with one incompressible file, and returns
// the digest of the archive inside. It must be gzip: some tools read layers and
// compress those that are not.
func (l layer) write(w io.Writer) (diffID string, err error) {
	z, err := gzip.NewWriterLevel(w, gzip.NoCompression)
	if err != nil {
		return "", err
	}
	uncompressed := newDigester()
	t := tar.NewWriter(io.MultiWriter(z, uncompressed))
	if err := t.WriteHeader(&tar.Header{Name: fmt.Sprintf("opt/%03d", l.number), Mode: 0o644, Size: l.size}); err != nil {
		return "", err
	}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(l.number))
	if _, err := io.CopyN(t, rand.NewChaCha8(seed), l.size); err != nil {
		return "", err
	}
	if err := t.Close(); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return uncompressed.digest(), nil
}

// config returns the configuration blob of an image.
func (r recipe) config(diffIDs []string) ([]byte, error) {
	history := make([]map[string]string, len(diffIDs))
	for i := range history {
		history[i] = map[string]string{"created": "2018-06-27T00:00:00Z", "created_by": "synthetic"}
	}
	return json.Marshal(map[string]any{
		"architecture": "amd64",
		"os":           "linux",
		"created":      "2018-06-27T00:00:00Z",
		"config":       map[string]any{"Labels": map[string]string{"name": r.repository, "version": "13.0", "release": "40"}},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": diffIDs},
		"history":      history,
	})
}

// A manifest is an image manifest of Docker's schema 2.
type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

func (m manifest) blobs() []descriptor { return append([]descriptor{m.Config}, m.Layers...) }
