package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The parts of an image, as the OCI image specification names them.
const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
	refName      = "org.opencontainers.image.ref.name"
)

// nobody is the user that the image runs as.
const nobody = 65534

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *imagePlatform    `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type imagePlatform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// A layout is an OCI layout that is being made.
type layout struct{ files tree }

// add adds a blob once.
func (l *layout) add(mediaType string, data []byte) descriptor {
	hash := fmt.Sprintf("%x", sha256.Sum256(data))
	name := "blobs/sha256/" + hash
	for _, f := range l.files {
		if f.name == name {
			name = ""
		}
	}
	if name != "" {
		l.files.add(name, data)
	}
	return descriptor{MediaType: mediaType, Digest: "sha256:" + hash, Size: len(data)}
}

func (l *layout) addJSON(mediaType string, value any) (descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return descriptor{}, err
	}
	return l.add(mediaType, text), nil
}

// writeImage writes the image for all Linux platforms as an OCI layout in a tar archive.
func (r *release) writeImage(name string, binaries []built) error {
	var l layout
	var manifests []descriptor
	for _, b := range binaries {
		if b.os != "linux" {
			continue
		}
		d, err := r.addManifest(&l, b)
		if err != nil {
			return err
		}
		d.Platform = &imagePlatform{Architecture: b.arch, OS: b.os}
		manifests = append(manifests, d)
	}
	index, err := l.addJSON(indexType, map[string]any{
		"schemaVersion": 2, "mediaType": indexType, "manifests": manifests, "annotations": r.labels(),
	})
	if err != nil {
		return err
	}
	index.Annotations = map[string]string{refName: "bayplan:" + r.commit.fileVersion()}
	top, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": indexType, "manifests": []descriptor{index}})
	if err != nil {
		return err
	}
	l.files.add("index.json", top)
	l.files.add("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	packed, err := l.files.tar(r.commit.time)
	if err != nil {
		return err
	}
	return os.WriteFile(name, packed, 0o644)
}

// addManifest adds the image for one platform: one layer with all files.
func (r *release) addManifest(l *layout, b built) (descriptor, error) {
	files, err := r.rootFiles(b)
	if err != nil {
		return descriptor{}, err
	}
	packed, err := files.tar(r.commit.time)
	if err != nil {
		return descriptor{}, err
	}
	data, err := gzipped(packed)
	if err != nil {
		return descriptor{}, err
	}
	layer := l.add(layerType, data)
	created := r.commit.time.Format(time.RFC3339)
	config, err := l.addJSON(configType, map[string]any{
		"created": created, "architecture": b.arch, "os": b.os,
		"config": map[string]any{
			"User": fmt.Sprintf("%d:%d", nobody, nobody), "WorkingDir": "/work",
			"Env": []string{"PATH=/usr/bin", "HOME=/work"}, "Entrypoint": []string{"/usr/bin/bayplan"}, "Cmd": []string{"--help"},
			"Labels": r.labels(),
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(packed))}},
		"history": []any{map[string]any{"created": created, "created_by": "make release"}},
	})
	if err != nil {
		return descriptor{}, err
	}
	return l.addJSON(manifestType, map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": config, "layers": []descriptor{layer}, "annotations": r.labels(),
	})
}

// rootFiles returns the root file system of the image.
func (r *release) rootFiles(b built) (tree, error) {
	text, err := r.documents.text("LICENSE")
	if err != nil {
		return nil, err
	}
	all := append(b.licences.below("licenses"), file{name: "LICENSE", mode: 0o644, data: text}).below(b.docDir())
	all = append(all,
		file{name: "usr/bin/bayplan", mode: 0o755, data: b.binary},
		file{name: "tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777},
		file{name: "work", mode: fs.ModeDir | 0o755, uid: nobody},
	)
	all.add("etc/ssl/certs/ca-certificates.crt", authorities())
	all.add("etc/passwd", fmt.Appendf(nil, "root:x:0:0:root:/:/sbin/nologin\nnobody:x:%d:%d:nobody:/work:/sbin/nologin\n", nobody, nobody))
	all.add("etc/group", fmt.Appendf(nil, "root:x:0:\nnobody:x:%d:\n", nobody))
	return all, nil
}

// authorities returns the certificates of Mozilla's list that vouch for web servers without
// a condition. A file of certificates cannot hold a condition.
func authorities() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes everything
		}
	}
	return all.Bytes()
}

func (r *release) labels() map[string]string {
	const key = "org.opencontainers.image."
	return map[string]string{
		key + "title": "bayplan", key + "description": summary, key + "url": homepage, key + "source": homepage,
		key + "licenses": licence, key + "version": r.commit.fileVersion(), key + "revision": r.commit.id,
		key + "created": r.commit.time.Format(time.RFC3339),
	}
}
