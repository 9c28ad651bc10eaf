package registryserver

import (
	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// A BlobStore keeps the manifests and other blobs of one repository by their
// digests, and the index of its manifests. It is for use by many goroutines at
// once. An ocilayout.Layout is one.
type BlobStore interface {
	// Index gives the index: each manifest once for each of its tags, or once
	// without. The caller must not change it.
	Index() (*layoutindex.Index, error)
	// Change replaces the index by what do makes of a copy. What the index
	// names is lasting then. Another goroutine may call do, and call it again
	// with another copy.
	Change(do func(*layoutindex.Index) error) error
	// Open opens a blob. The error for an absent one is fs.ErrNotExist.
	Open(d digest.Digest) (ocilayout.Blob, error)
	// Create begins a blob. Its digest and size may be unknown.
	Create(want descriptor.Descriptor) (ocilayout.Upload, error)
	// Link takes over a blob of another store without copying it. It is an
	// error if that is impossible.
	Link(d digest.Digest, from ocilayout.Blob) error
	// Remove removes a blob. The error for an absent one is fs.ErrNotExist.
	Remove(d digest.Digest) error
}

// A tagger is a BlobStore that keeps tags in its own way. Its Change is not
// for use.
type tagger interface {
	// setTags makes tags stand for a manifest that is stored. Without tags it
	// stands for itself.
	setTags(m descriptor.Descriptor, tags []string) error
	// removeTag removes a tag, and leaves its manifest.
	removeTag(tag string) error
	// findTag gives the manifest of a tag. The error is errNoTag, or errNoRepository where
	// there is nothing at all.
	findTag(tag string) (descriptor.Descriptor, error)
}

// A storage holds repositories. It is for use by many goroutines at once.
type storage interface {
	// repository gives a repository. A missing one is empty, and is made by the
	// first write. With write it may be written.
	repository(name string, write bool) *repository
	// after gives the first n names after last of the repositories with a
	// manifest, in the order of their bytes.
	after(last string, n int) ([]string, error)
}
