package registryserver

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// NewLayouts gives a registry of layouts that each hold images of many
// repositories, as repository:tag. The first part of a repository's name in a
// request chooses the layout: find gives it, or nil.
//
// It is meant for one client inside the process. There is no catalog, because
// all repositories of a layout share its blobs. An index is stored without a
// check of its parts. Manifests are found by digest even if the index does not
// name them. Deleting a tag removes no blob: the sweep of the layout does. An error
// of the disk is final (507).
func NewLayouts(find func(name string) *ocilayout.Layout) http.Handler {
	return &Registry{
		images: func() (*memory, error) { return newMemory(), nil },
		stored: &layouts{find: find, all: map[string]*layoutRepos{}},
		shared: true,
	}
}

// layouts is the storage of layouts that hold many repositories.
type layouts struct {
	find func(name string) *ocilayout.Layout
	mu   sync.Mutex              // several requests run at a time
	all  map[string]*layoutRepos // by the first part of their names
}

// layoutRepos are the repositories of a layout.
type layoutRepos struct {
	of    *ocilayout.Layout
	known sync.Map // facts of all manifests of the layout
	repos map[string]*repository
}

func (s *layouts) repository(name string, _ bool) *repository {
	first, rest, _ := strings.Cut(name, "/")
	l := s.find(first)
	if l == nil {
		return newRepository(name, newMemoryStore())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all[first]
	if all == nil || all.of != l { // another layout has taken its place
		all = &layoutRepos{of: l, repos: map[string]*repository{}}
		s.all[first] = all
	}
	r := all.repos[name]
	if r == nil {
		r = newRepository(name, &layoutView{Layout: l, prefix: rest + ":", known: &all.known})
		r.shared, r.known = true, &all.known
		all.repos[name] = r
	}
	return r
}

func (s *layouts) after(string, int) ([]string, error) {
	return nil, notFound("UNSUPPORTED", "layouts have no catalog")
}

// A layoutView shows one repository of a layout: the entries with its name, and
// those without a name, which refer to others.
type layoutView struct {
	*ocilayout.Layout
	prefix string // of the repository's names in the index
	known  *sync.Map

	mu   sync.Mutex // several requests run at a time
	from *layoutindex.Index
	view *layoutindex.Index // made of from
}

// Index implements BlobStore.
func (v *layoutView) Index() (*layoutindex.Index, error) {
	all, err := v.Layout.Index()
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.from != all {
		v.from, v.view = all, v.cut(all)
	}
	return v.view, nil
}

// cut makes the index of the repository.
func (v *layoutView) cut(all *layoutindex.Index) *layoutindex.Index {
	idx := &layoutindex.Index{Manifests: slices.Clone(all.Named(""))}
	for _, m := range all.Prefixed(v.prefix) {
		if tag, mine := v.tag(m); mine {
			idx.Manifests = append(idx.Manifests, layoutindex.Named(m, tag))
		}
	}
	return idx
}

// findTag implements tagger.
func (v *layoutView) findTag(tag string) (descriptor.Descriptor, error) {
	all, err := v.Layout.Index()
	if err != nil {
		return descriptor.Descriptor{}, err
	}
	if tagName.MatchString(tag) {
		for _, m := range all.Named(v.prefix + tag) {
			return layoutindex.Named(m, tag), nil
		}
	}
	isMine := func(m descriptor.Descriptor) bool { _, mine := v.tag(m); return mine }
	if len(all.Named("")) == 0 && !slices.ContainsFunc(all.Prefixed(v.prefix), isMine) {
		return descriptor.Descriptor{}, errNoRepository
	}
	return descriptor.Descriptor{}, errNoTag
}

// tag gives the tag of an entry, and says whether the entry is the repository's.
// A name of another tool, such as host:5000/lib:1, may only look as if it was.
func (v *layoutView) tag(m descriptor.Descriptor) (tag string, mine bool) {
	tag, mine = strings.CutPrefix(m.Annotations[layoutindex.NameKey], v.prefix)
	return tag, mine && tagName.MatchString(tag)
}

// setTags implements tagger. The layout's index names no manifest by its digest
// alone, but those that refer to others.
func (v *layoutView) setTags(m descriptor.Descriptor, tags []string) error {
	return v.Change(func(all *layoutindex.Index) error {
		if len(tags) == 0 {
			v.listReferrer(all, m)
		}
		for _, tag := range tags {
			v.untag(all, tag, m.Digest)
			if !slices.ContainsFunc(all.Named(v.prefix+tag), func(o descriptor.Descriptor) bool { return o.Digest == m.Digest }) {
				v.addReferrer(all, m)
				all.Insert(layoutindex.Named(m, v.prefix+tag))
			}
		}
		return nil
	})
}

// removeTag implements tagger.
func (v *layoutView) removeTag(tag string) error {
	return v.Change(func(all *layoutindex.Index) error {
		v.untag(all, tag, "")
		return nil
	})
}

// untag takes a tag from all manifests but one.
func (v *layoutView) untag(all *layoutindex.Index, tag string, except digest.Digest) {
	for _, m := range all.Remove(v.prefix+tag, func(d digest.Digest) bool { return d != except }) {
		v.listReferrer(all, m)
	}
}

// listReferrer adds a manifest without a tag to the index, if it refers to another one and
// the repository does not list it.
func (v *layoutView) listReferrer(all *layoutindex.Index, m descriptor.Descriptor) {
	if _, refers := v.referrer(m); !refers {
		return
	}
	is := func(o descriptor.Descriptor) bool { return o.Digest == m.Digest }
	isMine := func(o descriptor.Descriptor) bool { _, mine := v.tag(o); return mine && is(o) }
	if !slices.ContainsFunc(all.Named(""), is) && !slices.ContainsFunc(all.Prefixed(v.prefix), isMine) {
		v.addReferrer(all, m)
	}
}

// addReferrer adds a manifest without a tag to the index, if it refers to
// another one.
func (v *layoutView) addReferrer(all *layoutindex.Index, m descriptor.Descriptor) {
	about, refers := v.referrer(m)
	if !refers {
		return
	}
	m.ArtifactType, m.Annotations = about.artifact, maps.Clone(about.annotations)
	delete(m.Annotations, layoutindex.NameKey)
	all.Remove("", func(d digest.Digest) bool { return d == m.Digest })
	all.Insert(m)
}

// referrer gives the facts of a manifest, and says whether it refers to another one.
func (v *layoutView) referrer(m descriptor.Descriptor) (about facts, refers bool) {
	is, _ := v.known.Load(m.Digest)
	about, ok := is.(facts)
	return about, ok && about.subject != ""
}

// findByDigest gives a manifest of a layout. The index need not name it.
func (r *repository) findByDigest(d digest.Digest) (descriptor.Descriptor, error) {
	text, err := r.read(d)
	if err != nil {
		return descriptor.Descriptor{}, notFoundIfAbsent(err, "MANIFEST_UNKNOWN", r.name+" has no "+d.String())
	}
	doc := parseDocument(text)
	return descriptor.Descriptor{MediaType: doc.kind(), Digest: d, Size: int64(len(text))}, nil
}
