package registryserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/regclient/regclient/types/mediatype"
)

// A Read is a request for something that a Registry may have to make first.
type Read struct {
	// Kind is what is asked for: "manifests", "tags", "referrers" or "catalog".
	Kind string
	// Repository is the name without a host; "" for the catalog.
	Repository string
	// Reference is the tag or digest; "" for tags and the catalog.
	Reference string
}

// prepareRead lets Config.OnDemand make what a request asks for.
func (r *Registry) prepareRead(req *http.Request, read Read) error {
	if r.conf.OnDemand == nil || !isRead(req) || !slices.Contains([]string{"manifests", "tags", "referrers", "catalog"}, read.Kind) {
		return nil
	}
	if read.Kind == "tags" {
		read.Reference = ""
	}
	return r.conf.OnDemand(read)
}

// NotFound gives the error with which OnDemand says that there is no such image.
func NotFound(message string) error { return notFound("MANIFEST_UNKNOWN", message) }

// Add stores generated images, to which the names in their Tags then belong. It gives the
// digest of each: that of the index, where an image is for several platforms.
func (r *Registry) Add(images ...Image) ([]string, error) {
	r.adding.Lock()
	defer r.adding.Unlock()
	if r.layers == nil {
		r.layers = layerCache{}
	}
	sums := make([]string, len(images))
	for n, i := range images {
		if err := i.check(); err != nil {
			return nil, err
		}
		top, err := r.addImage(i)
		if err != nil {
			return nil, err
		}
		sums[n] = top.digest
	}
	return sums, nil
}

func (r *Registry) addImage(i Image) (*blob, error) {
	repo := r.stored.repository(i.Repository, true)
	if len(i.Platforms) < 2 {
		b, err := i.buildFor(slices.Concat(i.Platforms, []string{defaultPlatform})[0], r.layers)
		if err != nil {
			return nil, err
		}
		return b.manifest, repo.fill(b, i.Tags)
	}
	idx := imageIndex{SchemaVersion: 2, MediaType: mediatype.OCI1ManifestList}
	for _, platform := range i.Platforms {
		b, err := i.buildFor(platform, r.layers)
		if err != nil {
			return nil, err
		}
		if err := repo.fill(b, nil); err != nil {
			return nil, err
		}
		idx.Manifests = append(idx.Manifests, platformPart{b.manifest.part(), platformOf(platform)})
	}
	data, err := json.Marshal(idx)
	if err != nil {
		return nil, err
	}
	top := newBlob(idx.MediaType, data)
	return top, repo.fill(built{manifest: top}, i.Tags)
}

// An imageIndex names the manifests of an image for several platforms.
type imageIndex struct {
	SchemaVersion int            `json:"schemaVersion"`
	MediaType     string         `json:"mediaType"`
	Manifests     []platformPart `json:"manifests"`
}

type platformPart struct {
	part
	Platform imagePlatform `json:"platform"`
}

type imagePlatform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

// defaultPlatform is that of images without one.
const defaultPlatform = "linux/amd64"

// platformOf reads OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT.
func platformOf(text string) imagePlatform {
	words := append(strings.SplitN(text, "/", 3), "", "")
	return imagePlatform{Architecture: words[1], OS: words[0], Variant: words[2]}
}

// buildFor makes an image for a platform. Of those for several, each has a layer of its
// own.
func (i Image) buildFor(platform string, layers layerCache) (built, error) {
	i.platform = platformOf(platform)
	if len(i.Platforms) > 1 {
		i.OCI = true
		i.Layers = append(slices.Clone(i.layers()), Layer{Name: "platform/" + strings.ReplaceAll(platform, "/", "-"), Size: kib})
	}
	parts, err := layers.all(i.layers())
	if err != nil {
		return built{}, err
	}
	return i.build(parts)
}

// An Artifact is something that is kept beside images, such as a signature.
type Artifact struct {
	Repository string
	Tag        string // "" for none
	Layers     []ArtifactLayer
}

// An ArtifactLayer is one part of an artifact.
type ArtifactLayer struct {
	MediaType   string
	Data        []byte
	Annotations map[string]string
}

// AddArtifact stores an artifact and gives its digest.
func (r *Registry) AddArtifact(a Artifact) (string, error) {
	kinds := Image{OCI: true}.mediaTypes()
	conf := newBlob(kinds.config, []byte("{}"))
	b := built{blobs: []*blob{conf}}
	doc := struct {
		SchemaVersion int            `json:"schemaVersion"`
		MediaType     string         `json:"mediaType"`
		Config        part           `json:"config"`
		Layers        []artifactPart `json:"layers"`
	}{SchemaVersion: 2, MediaType: kinds.manifest, Config: conf.part()}
	for _, l := range a.Layers {
		layer := newBlob(l.MediaType, l.Data)
		b.blobs = append(b.blobs, layer)
		doc.Layers = append(doc.Layers, artifactPart{layer.part(), l.Annotations})
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return "", err
	}
	b.manifest = newBlob(kinds.manifest, data)
	var tags []string
	if a.Tag != "" {
		tags = []string{a.Tag}
	}
	return b.manifest.digest, r.stored.repository(a.Repository, true).fill(b, tags)
}

type artifactPart struct {
	part
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Lookup gives the digest of what a tag or digest names in a repository, and whether it
// is there.
func (r *Registry) Lookup(repository, reference string) (string, bool) {
	m, err := r.stored.repository(repository, false).find(reference)
	return m.Digest.String(), err == nil
}

// Repositories gives the names of all repositories, sorted, and of each its tags.
func (r *Registry) Repositories() (map[string][]string, error) {
	found := map[string][]string{}
	for last := ""; ; {
		names, err := r.stored.after(last, maxPage)
		if err != nil || len(names) == 0 {
			return found, err
		}
		for _, name := range names {
			idx, err := r.stored.repository(name, false).Index()
			if err != nil {
				return nil, err
			}
			found[name] = []string{}
			for _, m := range idx.Manifests {
				if tag := tagOf(m); tag != "" {
					found[name] = append(found[name], tag)
				}
			}
			slices.Sort(found[name])
		}
		last = names[len(names)-1]
	}
}

// Remove removes a tag behind the back of those who use the registry.
func (r *Registry) Remove(repository, tag string) error {
	return r.stored.repository(repository, true).removeTag(tag)
}
