package registry

import (
	"cmp"
	"slices"

	"github.com/regclient/regclient/types/ref"
)

// A collector makes the list of blobs from the images to copy. There may be
// very many. Each repository and each blob exists once, and all others point to
// it.
type collector struct {
	repos  map[string]*ref.Ref
	blobs  map[blobKey]*Blob
	places map[placeKey]*place
	read   map[sourceKey]bool
	all    []*Blob
}

type blobKey struct{ destination, digest string }

// A placeKey is a blob in a repository.
type placeKey struct {
	blob *Blob
	repo *ref.Ref
}

// A sourceKey is a blob in a repository of the source.
type sourceKey placeKey

// collect makes the list of blobs.
func collect(entries []*ImagePlan) []*Blob {
	c := &collector{repos: map[string]*ref.Ref{}, blobs: map[blobKey]*Blob{}, places: map[placeKey]*place{}, read: map[sourceKey]bool{}}
	for _, e := range entries {
		if e.State == Copy {
			c.add(e)
		}
	}
	slices.SortStableFunc(c.all, func(a, b *Blob) int { return cmp.Compare(b.Size, a.Size) })
	return c.all
}

// add adds what an image needs, and where.
func (c *collector) add(e *ImagePlan) {
	from, to := c.repo(e.source), c.repo(e.target)
	held := map[string]bool{}
	for _, d := range e.held {
		held[d.digest] = true
	}
	for _, d := range e.parts {
		b := c.blob(destinationOf(*to), d)
		if o := (sourceKey{b, from}); !c.read[o] {
			c.read[o] = true
			b.sources = append(b.sources, from)
		}
		if from.Registry == to.Registry {
			c.place(b, from).present = true // nothing needs to be pulled
		}
		p := c.place(b, to)
		p.entries = append(p.entries, e)
		p.present = p.present || held[d.digest]
	}
}

func (c *collector) repo(r ref.Ref) *ref.Ref {
	r = repoOf(r)
	if c.repos[r.Reference] == nil {
		c.repos[r.Reference] = &r
	}
	return c.repos[r.Reference]
}

func (c *collector) blob(destination string, d part) *Blob {
	k := blobKey{destination, d.digest}
	b := c.blobs[k]
	if b == nil {
		b = &Blob{Digest: d.digest, Size: d.size}
		c.blobs[k], c.all = b, append(c.all, b)
	}
	return b
}

func (c *collector) place(b *Blob, at *ref.Ref) *place {
	s := placeKey{b, at}
	if c.places[s] == nil {
		c.places[s] = &place{repo: at}
		b.places = append(b.places, c.places[s])
	}
	return c.places[s]
}
