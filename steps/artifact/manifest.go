package artifact

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/platform"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/destination"
)

// The names that the image specification and ORAS have for what an artifact is made of.
const (
	manifestType    = "application/vnd.oci.image.manifest.v1+json"
	emptyType       = "application/vnd.oci.empty.v1+json"
	unknownArtifact = "application/vnd.unknown.artifact.v1"
	unknownFile     = "application/octet-stream"
	titleKey        = "org.opencontainers.image.title"
)

// disktypeKey is the annotation by which Ironic chooses one of the manifests of an index
// (ironic/common/image_service.py, OciImageService).
const disktypeKey = "disktype"

// A manifest is a manifest or an index of the image specification. The order of its fields
// is that of its text, on which its digest depends.
type manifest struct {
	SchemaVersion int                     `json:"schemaVersion"`
	MediaType     string                  `json:"mediaType"`
	ArtifactType  string                  `json:"artifactType,omitempty"`
	Config        *descriptor.Descriptor  `json:"config,omitempty"`
	Layers        []descriptor.Descriptor `json:"layers,omitempty"`
	Manifests     []descriptor.Descriptor `json:"manifests,omitempty"`
}

// A builder collects the manifests and blobs of an artifact.
type builder struct {
	texts map[digest.Digest][]byte
	files map[digest.Digest]string
}

// images gives the artifact, made of the files as they are now, with its target at each
// destination.
func (a *artifact) images(ctx context.Context, w runner.World) ([]registry.Image, error) {
	b := builder{map[digest.Digest][]byte{}, map[digest.Digest]string{}}
	top, err := a.build(ctx, w, b)
	if err != nil {
		return nil, err
	}
	bases, err := destination.Bases(a.To, a.out)
	if err != nil {
		return nil, err
	}
	top.Annotations = map[string]string{ocilayout.NameKey: a.Name}
	contents := ocilayout.Contents{
		Index: &ocilayout.Index{SchemaVersion: 2, MediaType: ocilayout.IndexType, Manifests: []descriptor.Descriptor{top}},
		Texts: b.texts, Files: b.files,
	}
	made := "files of step " + a.id
	a.out.Registry().UseLayout(ocilayout.OfContents(made, contents))
	images := make([]registry.Image, len(bases))
	for i, base := range bases {
		separator := "/"
		if a.To.Items[i].Other.Layout != "" {
			separator = ":"
		}
		images[i] = registry.Image{Source: registry.LayoutPrefix + made + ":" + a.Name, Target: base + separator + a.Name}
	}
	return images, nil
}

// build gives the manifest that the artifact's name stands for.
func (a *artifact) build(ctx context.Context, w runner.World, b builder) (descriptor.Descriptor, error) {
	empty := b.put([]byte("{}"), emptyType)
	kind := cmp.Or(a.MediaType, unknownArtifact)
	var layers, disks []descriptor.Descriptor
	for _, f := range a.Files {
		layer, err := b.layer(ctx, w, f)
		if err != nil {
			return descriptor.Descriptor{}, err
		}
		layers = append(layers, layer)
		if a.For != ironic {
			continue
		}
		disk, err := b.manifest(manifest{MediaType: manifestType, ArtifactType: kind, Config: &empty, Layers: layers[len(layers)-1:]})
		if err != nil {
			return descriptor.Descriptor{}, err
		}
		disk.Annotations = map[string]string{disktypeKey: disktype(f.Other, titleOf(f))}
		disk.Platform = &platform.Platform{OS: "linux", Architecture: cmp.Or(f.Other.Architecture, "amd64")}
		disks = append(disks, disk)
	}
	if a.For == ironic {
		return b.manifest(manifest{MediaType: ocilayout.IndexType, Manifests: disks})
	}
	return b.manifest(manifest{MediaType: manifestType, ArtifactType: kind, Config: &empty, Layers: layers})
}

// layer hashes a file.
func (b builder) layer(ctx context.Context, w runner.World, f plan.TextOr[plan.Path, file]) (descriptor.Descriptor, error) {
	path := pathOf(f)
	sums, err := w.Sum(ctx, path, runner.SHA256)
	if err != nil {
		return descriptor.Descriptor{}, err
	}
	fi, err := w.Stat(path)
	if err != nil {
		return descriptor.Descriptor{}, err
	}
	d := digest.NewDigestFromEncoded(digest.SHA256, sums[runner.SHA256])
	b.files[d] = path
	return descriptor.Descriptor{
		MediaType: cmp.Or(f.Other.MediaType, unknownFile), Digest: d, Size: fi.Size(),
		Annotations: map[string]string{titleKey: titleOf(f)},
	}, nil
}

// manifest adds a manifest.
func (b builder) manifest(m manifest) (descriptor.Descriptor, error) {
	m.SchemaVersion = 2
	text, err := json.Marshal(m)
	return b.put(text, m.MediaType), err
}

// put adds a small part.
func (b builder) put(text []byte, mediaType string) descriptor.Descriptor {
	d := digest.FromBytes(text)
	b.texts[d] = text
	return descriptor.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(text))}
}
