package registryserver

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
	v1 "github.com/regclient/regclient/types/oci/v1"
)

// A repository is a vault with the rules of the registry API.
type repository struct {
	vault
	name string

	changing sync.Mutex // the index is read and replaced by one request at a time
	known    sync.Map   // digest.Digest -> facts; requests come on goroutines of their own
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

// enter keeps a manifest, and names it by these tags or else by its digest
// alone. Tags that another one had are moved.
func (r *repository) enter(m descriptor.Descriptor, text []byte, tags []string) error {
	return r.change(func(idx *v1.Index) error {
		for _, tag := range tags {
			untag(idx, tag)
			idx.Manifests = slices.DeleteFunc(idx.Manifests, func(o descriptor.Descriptor) bool {
				return o.Digest == m.Digest && tagOf(o) == ""
			})
			m.Annotations = map[string]string{refName: tag}
			idx.Manifests = append(idx.Manifests, m)
		}
		hold(idx, m)
		r.known.Delete(m.Digest)
		return r.put(m.Digest, text)
	})
}

// drop removes a manifest with all of its tags.
func (r *repository) drop(d digest.Digest) error {
	return r.change(func(idx *v1.Index) error {
		idx.Manifests = slices.DeleteFunc(idx.Manifests, func(m descriptor.Descriptor) bool { return m.Digest == d })
		r.known.Delete(d)
		if err := r.remove(d); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
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

// untag takes a tag off.
func untag(idx *v1.Index, tag string) {
	has := func(m descriptor.Descriptor) bool { return m.Annotations[refName] == tag }
	for at := slices.IndexFunc(idx.Manifests, has); at >= 0; at = slices.IndexFunc(idx.Manifests, has) {
		m := idx.Manifests[at]
		idx.Manifests = slices.Delete(idx.Manifests, at, at+1)
		m.Annotations = maps.Clone(m.Annotations)
		delete(m.Annotations, refName)
		hold(idx, m)
	}
}

// hold sees to it that a manifest is in the index.
func hold(idx *v1.Index, m descriptor.Descriptor) {
	if !slices.ContainsFunc(idx.Manifests, func(o descriptor.Descriptor) bool { return o.Digest == m.Digest }) {
		idx.Manifests = append(idx.Manifests, m)
	}
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
	isTag := tagName.MatchString(ref)
	for _, m := range idx.Manifests {
		if isTag && m.Annotations[refName] == ref || m.Digest.String() == ref {
			return m, nil
		}
	}
	if !isTag {
		for m, err := range r.manifests() { // the parts of those that are named
			if err != nil || m.Digest.String() == ref {
				return m, err
			}
		}
	}
	return descriptor.Descriptor{}, notFound("MANIFEST_UNKNOWN", r.name+" has no "+quote(ref))
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
		if seen[m.Digest] || !isManifest(m.MediaType) {
			continue
		}
		seen[m.Digest] = true
		if !yield(m, nil) {
			return false
		}
		if !isIndex(m.MediaType) {
			continue
		}
		is, err := r.facts(m.Digest)
		if err != nil {
			return yield(m, err)
		}
		if !r.visit(is.parts, seen, yield) {
			return false
		}
	}
	return true
}

// facts are what must be known of a manifest to find others by it.
type facts struct {
	subject  digest.Digest
	artifact string
	parts    []descriptor.Descriptor // manifests
}

// facts gives those of a manifest. Of one that is lost, or none, there are none.
func (r *repository) facts(d digest.Digest) (facts, error) {
	if is, ok := r.known.Load(d); ok {
		return is.(facts), nil
	}
	text, err := r.read(d)
	if errors.Is(err, fs.ErrNotExist) { // it may be deleted as a blob
		return facts{}, nil
	}
	if err != nil {
		return facts{}, err
	}
	var doc document
	if json.Unmarshal(text, &doc) != nil {
		return facts{}, nil
	}
	is := facts{artifact: doc.artifact()}
	if doc.Subject != nil {
		is.subject = doc.Subject.Digest
	}
	for _, m := range doc.Manifests {
		is.parts = append(is.parts, descriptor.Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size})
	}
	r.known.Store(d, is)
	return is, nil
}

// read reads a manifest.
func (r *repository) read(d digest.Digest) ([]byte, error) {
	f, err := r.open(d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxManifest))
}

// holds says whether a blob of so many bytes is there; -1 are any number.
func (r *repository) holds(d digest.Digest, size int64) (bool, error) {
	f, err := r.open(d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	return size < 0 || end == size, err
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
	v := d.Verifier()
	if _, err := io.Copy(io.MultiWriter(s, v), f); err != nil || !v.Verified() {
		return false, err
	}
	return true, s.keep(d)
}
