// Package filelayout makes OCI layouts of files that keep their names: artifacts, so that files
// travel as images do. It knows nothing of registries.
package filelayout

import (
	"cmp"
	"encoding/json"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/platform"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// The names that the image specification and ORAS have for what an artifact is made of.
const (
	manifestType    = "application/vnd.oci.image.manifest.v1+json"
	emptyType       = "application/vnd.oci.empty.v1+json"
	unknownArtifact = "application/vnd.unknown.artifact.v1"
	unknownFile     = "application/octet-stream"
	// TitleKey is the annotation of a layer that holds the name of its file.
	TitleKey = "org.opencontainers.image.title"
	// disktypeKey is the annotation by which Ironic chooses one of the manifests of an
	// index (OciImageService in ironic/common/image_service.py).
	disktypeKey = "disktype"
)

// An Artifact is files that travel as an image does.
type Artifact struct {
	Name  string // repository:tag
	Type  string // its media type; "" is one that says nothing
	Files []File
	// Disks says that each file is a disk image in an artifact of its own, and that the name
	// stands for an index of them.
	Disks bool
}

// An File is a file of an Artifact.
type File struct {
	Path      string // where its bytes are
	Title     string // its name in the artifact
	MediaType string // "" is one that says nothing
	SHA256    string // in hex
	Size      int64

	Disktype     string // of a disk image: qcow2 or raw
	Architecture string // of a disk image, as containers spell it
}

// A document is a manifest or an index of the image specification. The order of its fields
// is that of its text, on which its digest depends.
type document struct {
	SchemaVersion int                     `json:"schemaVersion"`
	MediaType     string                  `json:"mediaType"`
	ArtifactType  string                  `json:"artifactType,omitempty"`
	Config        *descriptor.Descriptor  `json:"config,omitempty"`
	Layers        []descriptor.Descriptor `json:"layers,omitempty"`
	Manifests     []descriptor.Descriptor `json:"manifests,omitempty"`
}

// contents are what an artifact is made of.
type contents struct{ ocilayout.Contents }

// Layout gives a layout that holds the artifact alone and is only read. The path stands for
// it in messages. The same files make the same artifact, byte for byte.
func (a Artifact) Layout(path string) (*ocilayout.Layout, error) {
	c := contents{ocilayout.Contents{Texts: map[digest.Digest][]byte{}, Files: map[digest.Digest]string{}}}
	top, err := a.build(c)
	if err != nil {
		return nil, err
	}
	c.Index = layoutindex.Empty()
	c.Index.Insert(layoutindex.Named(top, a.Name))
	return ocilayout.OfContents(path, c.Contents), nil
}

// build adds all parts and gives the one that the name stands for.
func (a Artifact) build(c contents) (descriptor.Descriptor, error) {
	empty := c.put([]byte("{}"), emptyType)
	kind := cmp.Or(a.Type, unknownArtifact)
	of := func(layers ...descriptor.Descriptor) (descriptor.Descriptor, error) {
		return c.document(document{MediaType: manifestType, ArtifactType: kind, Config: &empty, Layers: layers})
	}
	layers, disks := make([]descriptor.Descriptor, len(a.Files)), make([]descriptor.Descriptor, len(a.Files))
	for i, f := range a.Files {
		layers[i] = c.layer(f)
		if !a.Disks {
			continue
		}
		var err error
		if disks[i], err = of(layers[i]); err != nil {
			return descriptor.Descriptor{}, err
		}
		disks[i].Annotations = map[string]string{disktypeKey: f.Disktype}
		disks[i].Platform = &platform.Platform{OS: "linux", Architecture: f.Architecture}
	}
	if a.Disks {
		return c.document(document{MediaType: layoutindex.Type, Manifests: disks})
	}
	return of(layers...)
}

// layer adds a file.
func (c contents) layer(f File) descriptor.Descriptor {
	d := digest.NewDigestFromEncoded(digest.SHA256, f.SHA256)
	c.Files[d] = f.Path
	return descriptor.Descriptor{
		MediaType: cmp.Or(f.MediaType, unknownFile), Digest: d, Size: f.Size,
		Annotations: map[string]string{TitleKey: f.Title},
	}
}

// document adds a manifest or an index.
func (c contents) document(m document) (descriptor.Descriptor, error) {
	m.SchemaVersion = 2
	text, err := json.Marshal(m)
	return c.put(text, m.MediaType), err
}

// put adds a small part.
func (c contents) put(text []byte, mediaType string) descriptor.Descriptor {
	d := digest.FromBytes(text)
	c.Texts[d] = text
	return descriptor.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(text))}
}
