package registryserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// A repository is a BlobStore with the rules of the registry API.
type repository struct {
	BlobStore
	name   string
	shared bool // it is one of many in a layout; see NewLayouts

	deleting sync.RWMutex // no manifest is put while one is deleted
	known    *sync.Map    // digest.Digest -> facts; several requests run at a time
}

func newRepository(name string, s BlobStore) *repository {
	return &repository{BlobStore: s, name: name, known: &sync.Map{}}
}

// putManifest stores a manifest under its tags, or under its digest alone. It
// moves the tags that another manifest had. It names nothing if ready gives an
// error. While ready looks, no other process removes blobs.
func (r *repository) putManifest(m descriptor.Descriptor, text []byte, tags []string, ready func() error) error {
	r.deleting.RLock()
	defer r.deleting.RUnlock()
	if err := r.put(m.Digest, text); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	r.known.Store(m.Digest, factsOf(text)) // a layoutView asks for them
	if t, ok := r.BlobStore.(tagger); ok {
		return t.setTags(m, tags)
	}
	return r.Change(func(idx *layoutindex.Index) error {
		for _, tag := range tags {
			untag(idx, tag)
			idx.Manifests = slices.DeleteFunc(idx.Manifests, func(o descriptor.Descriptor) bool {
				return o.Digest == m.Digest && tagOf(o) == ""
			})
			m.Annotations = map[string]string{layoutindex.NameKey: tag}
			idx.Manifests = append(idx.Manifests, m)
		}
		ensureListed(idx, m)
		return nil
	})
}

// deleteManifest removes a manifest with all of its tags.
func (r *repository) deleteManifest(d digest.Digest) error {
	r.deleting.Lock()
	defer r.deleting.Unlock()
	err := r.Change(func(idx *layoutindex.Index) error {
		idx.Manifests = slices.DeleteFunc(idx.Manifests, func(m descriptor.Descriptor) bool { return m.Digest == d })
		return nil
	})
	if err != nil {
		return err
	}
	r.known.Delete(d)
	if err := r.Remove(d); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// removeTag removes a tag, and leaves its manifest.
func (r *repository) removeTag(tag string) error {
	if t, ok := r.BlobStore.(tagger); ok {
		return t.removeTag(tag)
	}
	return r.Change(func(idx *layoutindex.Index) error {
		untag(idx, tag)
		return nil
	})
}

// tagOf gives the tag of an entry in the index, "" for none. Layouts of other
// tools may hold names that are not tags.
func tagOf(m descriptor.Descriptor) string {
	if name := m.Annotations[layoutindex.NameKey]; tagName.MatchString(name) {
		return name
	}
	return ""
}

// untag removes a tag.
func untag(idx *layoutindex.Index, tag string) {
	has := func(m descriptor.Descriptor) bool { return m.Annotations[layoutindex.NameKey] == tag }
	for at := slices.IndexFunc(idx.Manifests, has); at >= 0; at = slices.IndexFunc(idx.Manifests, has) {
		m := idx.Manifests[at]
		idx.Manifests = slices.Delete(idx.Manifests, at, at+1)
		m.Annotations = maps.Clone(m.Annotations)
		delete(m.Annotations, layoutindex.NameKey)
		ensureListed(idx, m)
	}
}

// ensureListed adds a manifest to the index unless it is there.
func ensureListed(idx *layoutindex.Index, m descriptor.Descriptor) {
	if !slices.ContainsFunc(idx.Manifests, func(o descriptor.Descriptor) bool { return o.Digest == m.Digest }) {
		idx.Manifests = append(idx.Manifests, m)
	}
}

// find gives the manifest of a tag or a digest.
func (r *repository) find(ref string) (descriptor.Descriptor, error) {
	if d, err := digest.Parse(ref); err == nil && r.shared {
		return r.findByDigest(d)
	}
	if t, ok := r.BlobStore.(tagger); ok {
		m, err := t.findTag(ref)
		switch {
		case errors.Is(err, errNoTag):
			return m, r.unknown(ref)
		case err != nil:
			return m, err
		}
		return r.withType(m)
	}
	idx, err := r.Index()
	if err != nil {
		return descriptor.Descriptor{}, err
	}
	if len(idx.Manifests) == 0 {
		return descriptor.Descriptor{}, errNoRepository
	}
	isTag := tagName.MatchString(ref)
	for _, m := range idx.Manifests {
		if isTag && m.Annotations[layoutindex.NameKey] == ref || m.Digest.String() == ref {
			return r.withType(m)
		}
	}
	if !isTag {
		for m, err := range r.manifests() { // the parts of the named ones
			if err != nil || m.Digest.String() == ref {
				return m, err
			}
		}
	}
	return descriptor.Descriptor{}, r.unknown(ref)
}

// errNoTag says that a repository has no manifest of that tag.
var errNoTag = errors.New("no such tag")

func (r *repository) unknown(ref string) error {
	return notFound("MANIFEST_UNKNOWN", r.name+" has no "+quote(ref))
}

// withType adds the media type to an entry of the index if another tool has left
// it out. The manifest says it, if it is there.
func (r *repository) withType(m descriptor.Descriptor) (descriptor.Descriptor, error) {
	if m.MediaType != "" {
		return m, nil
	}
	text, err := r.read(m.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		m.MediaType = parseDocument(text).kind()
	}
	return m, err
}

// manifests gives each manifest of the repository once, also those that are
// only parts of others, as in layouts of other tools.
func (r *repository) manifests() iter.Seq2[descriptor.Descriptor, error] {
	return func(yield func(descriptor.Descriptor, error) bool) {
		idx, err := r.Index()
		if err != nil {
			yield(descriptor.Descriptor{}, err)
			return
		}
		r.visit(idx.Manifests, map[digest.Digest]bool{}, yield)
	}
}

// visit yields the manifests of a list and their parts that it has not seen. It
// says whether to go on.
func (r *repository) visit(list []descriptor.Descriptor, seen map[digest.Digest]bool, yield func(descriptor.Descriptor, error) bool) bool {
	for _, m := range list {
		if seen[m.Digest] {
			continue
		}
		m, err := r.withType(m)
		if err != nil {
			return yield(m, err)
		}
		if !isManifest(m.MediaType) {
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

// facts are the parts of a manifest by which others are found.
type facts struct {
	subject     digest.Digest
	artifact    string
	annotations map[string]string       // of a manifest with a subject
	parts       []descriptor.Descriptor // manifests
}

// facts gives the facts of a manifest. A missing or invalid manifest has none.
func (r *repository) facts(d digest.Digest) (facts, error) {
	if is, ok := r.known.Load(d); ok {
		return is.(facts), nil
	}
	text, err := r.read(d)
	if errors.Is(err, fs.ErrNotExist) { // it may have been deleted as a blob
		return facts{}, nil
	}
	if err != nil {
		return facts{}, err
	}
	is := factsOf(text)
	r.known.Store(d, is)
	return is, nil
}

func factsOf(text []byte) facts {
	doc := parseDocument(text)
	is := facts{artifact: doc.artifact()}
	if doc.Subject != nil {
		is.subject, is.annotations = doc.Subject.Digest, doc.Annotations
	}
	for _, m := range doc.Manifests {
		is.parts = append(is.parts, descriptor.Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size})
	}
	return is
}

// read reads a manifest. A blob that is too large for a manifest counts as
// absent.
func (r *repository) read(d digest.Digest) ([]byte, error) {
	f, err := r.Open(d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size() > maxManifest {
		return nil, fmt.Errorf("%s: %d bytes are no manifest: %w", d, f.Size(), fs.ErrNotExist)
	}
	return io.ReadAll(f)
}

// holds says whether a blob of that size is there. -1 is any size.
func (r *repository) holds(d digest.Digest, size int64) (bool, error) {
	f, err := r.Open(d)
	if errors.Is(err, fs.ErrNotExist) {
		n, ok := r.leftOut(d)
		return ok && (size < 0 || n == size), nil
	}
	if err != nil {
		return false, err
	}
	return size < 0 || f.Size() == size, f.Close()
}

// leftOut gives the size of a blob that a layout leaves out since its destination has it. The
// layout counts as having the blob, but nobody can read it there.
func (r *repository) leftOut(d digest.Digest) (size int64, ok bool) {
	l, ok := r.BlobStore.(interface {
		LeftOut(d digest.Digest) (int64, bool)
	})
	if !ok {
		return 0, false
	}
	return l.LeftOut(d)
}

// put stores a small blob.
func (r *repository) put(d digest.Digest, data []byte) error {
	return r.take(descriptor.Descriptor{Digest: d, Size: int64(len(data))}, bytes.NewReader(data))
}

// take stores a blob whose bytes must match its digest.
func (r *repository) take(want descriptor.Descriptor, from io.Reader) error {
	up, err := r.Create(want)
	if err != nil {
		return err
	}
	defer up.Abort()
	v := want.Digest.Verifier()
	if _, err := io.Copy(io.MultiWriter(up, v), from); err != nil {
		return err
	}
	if !v.Verified() {
		return ocilayout.ErrDigest
	}
	return up.Commit(want.Digest)
}

// mount takes over a blob of another repository, and says whether it was there.
func (r *repository) mount(d digest.Digest, from *repository) (bool, error) {
	f, err := from.Open(d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if r.Link(d, f) == nil {
		return true, nil
	}
	err = r.take(descriptor.Descriptor{Digest: d, Size: f.Size()}, f)
	if errors.Is(err, ocilayout.ErrDigest) {
		return false, nil
	}
	return err == nil, err
}
