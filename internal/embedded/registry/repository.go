package registry

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/mediatype"
	v1 "github.com/regclient/regclient/types/oci/v1"
)

// A repository is a vault with the rules of the registry API.
type repository struct {
	vault
	name string

	changing sync.Mutex // the index is read and replaced by one request at a time
	parsed   sync.Map   // digest.Digest -> *document; requests come on goroutines of their own
}

func newRepository(name string, v vault) *repository { return &repository{vault: v, name: name} }

// change replaces the index by what do makes of it.
func (r *repository) change(do func(*v1.Index) error) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	idx, err := r.index()
	if err != nil {
		return err
	}
	idx.Manifests = slices.Clone(idx.Manifests)
	if err := do(&idx); err != nil {
		return err
	}
	return r.save(idx)
}

// refName is the annotation that holds a tag in the index of a layout.
const refName = "org.opencontainers.image.ref.name"

// tagOf gives the tag of an entry in the index, "" where it has none. Layouts
// that others made may hold names that are no tags.
func tagOf(m descriptor.Descriptor) string {
	if name := m.Annotations[refName]; tagName.MatchString(name) {
		return name
	}
	return ""
}

// enter names a manifest in the index, by these tags or else by its digest
// alone. Tags that another one had are moved.
func enter(idx *v1.Index, m descriptor.Descriptor, tags []string) {
	for _, tag := range tags {
		untag(idx, tag)
		idx.Manifests = slices.DeleteFunc(idx.Manifests, func(o descriptor.Descriptor) bool {
			return o.Digest == m.Digest && tagOf(o) == ""
		})
		m.Annotations = map[string]string{refName: tag}
		idx.Manifests = append(idx.Manifests, m)
	}
	hold(idx, m)
}

// untag takes a tag off. It says whether it was there.
func untag(idx *v1.Index, tag string) bool {
	at := slices.IndexFunc(idx.Manifests, func(m descriptor.Descriptor) bool { return tagOf(m) == tag })
	if at < 0 {
		return false
	}
	m := idx.Manifests[at]
	idx.Manifests = slices.Delete(idx.Manifests, at, at+1)
	m.Annotations = maps.Clone(m.Annotations)
	delete(m.Annotations, refName)
	hold(idx, m)
	return true
}

// hold sees to it that a manifest is in the index.
func hold(idx *v1.Index, m descriptor.Descriptor) {
	if !slices.ContainsFunc(idx.Manifests, func(o descriptor.Descriptor) bool { return o.Digest == m.Digest }) {
		idx.Manifests = append(idx.Manifests, m)
	}
}

// drop takes a manifest out of the index, with all of its tags.
func drop(idx *v1.Index, d digest.Digest) {
	idx.Manifests = slices.DeleteFunc(idx.Manifests, func(m descriptor.Descriptor) bool { return m.Digest == d })
}

// find gives the manifest that a tag or a digest stands for.
func (r *repository) find(ref string) (descriptor.Descriptor, error) {
	idx, err := r.index()
	if err != nil {
		return descriptor.Descriptor{}, err
	}
	if len(idx.Manifests) == 0 {
		return descriptor.Descriptor{}, errNoRepository
	}
	for _, m := range idx.Manifests {
		if tagOf(m) == ref || m.Digest.String() == ref {
			return m, nil
		}
	}
	if digest.Digest(ref).Validate() == nil {
		for m, err := range r.manifests() { // the parts of those that are named
			if err != nil || m.Digest.String() == ref {
				return m, err
			}
		}
	}
	return descriptor.Descriptor{}, notFound("MANIFEST_UNKNOWN", r.name+" has no "+ref)
}

// manifests gives each manifest of the repository once, also those that are
// known as parts of others only, as layouts that others made have them.
func (r *repository) manifests() iter.Seq2[descriptor.Descriptor, error] {
	return func(yield func(descriptor.Descriptor, error) bool) {
		idx, err := r.index()
		if err != nil {
			yield(descriptor.Descriptor{}, err)
			return
		}
		r.visit(idx.Manifests, map[digest.Digest]bool{}, yield)
	}
}

// visit yields the manifests of a list and their parts, but for those that it
// has seen. It says whether to go on.
func (r *repository) visit(list []descriptor.Descriptor, seen map[digest.Digest]bool, yield func(descriptor.Descriptor, error) bool) bool {
	for _, m := range list {
		if seen[m.Digest] {
			continue
		}
		seen[m.Digest] = true
		if !yield(m, nil) {
			return false
		}
		if !isIndex(m.MediaType) {
			continue
		}
		doc, err := r.document(m.Digest)
		if errors.Is(err, fs.ErrNotExist) { // it may be deleted as a blob
			continue
		}
		if err != nil {
			return yield(m, err)
		}
		if !r.visit(doc.Manifests, seen, yield) {
			return false
		}
	}
	return true
}

// A document is what is in a manifest.
type document struct {
	MediaType    string                  `json:"mediaType"`
	ArtifactType string                  `json:"artifactType"`
	Config       *descriptor.Descriptor  `json:"config"`
	Layers       []descriptor.Descriptor `json:"layers"`
	Manifests    []descriptor.Descriptor `json:"manifests"`
	Subject      *descriptor.Descriptor  `json:"subject"`
	Annotations  map[string]string       `json:"annotations"`
}

// maxManifest is the size of the largest manifest, in bytes.
const maxManifest = 8 << 20

// document reads a manifest, but for its layers, which are many. One that is
// no JSON is empty.
func (r *repository) document(d digest.Digest) (*document, error) {
	if doc, ok := r.parsed.Load(d); ok {
		return doc.(*document), nil
	}
	f, err := r.open(d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return nil, err
	}
	doc := &document{}
	if json.Unmarshal(text, doc) != nil {
		doc = &document{}
	}
	doc.Layers = nil
	r.parsed.Store(d, doc)
	return doc, nil
}

func isIndex(mediaType string) bool {
	return mediaType == mediatype.OCI1ManifestList || mediaType == mediatype.Docker2ManifestList
}

// kind is the media type of a manifest that does not say it.
func (doc *document) kind() string {
	switch {
	case doc.MediaType != "":
		return doc.MediaType
	case doc.Manifests != nil:
		return mediatype.OCI1ManifestList
	}
	return mediatype.OCI1Manifest
}

// holds says whether a blob is there.
func (r *repository) holds(d digest.Digest) (bool, error) {
	f, err := r.open(d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// put keeps a small blob.
func (r *repository) put(d digest.Digest, data []byte) error {
	s, err := r.stage()
	if err != nil {
		return err
	}
	defer s.drop()
	if _, err := s.Write(data); err != nil {
		return err
	}
	return s.keep(d)
}

// mount takes a blob over from another repository, and says whether it was
// there.
func (r *repository) mount(d digest.Digest, from *repository) (bool, error) {
	f, err := from.open(d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if r.link(d, from.vault) == nil {
		return true, nil
	}
	s, err := r.stage()
	if err != nil {
		return false, err
	}
	defer s.drop()
	if _, err := io.Copy(s, f); err != nil {
		return false, err
	}
	return true, s.keep(d)
}
