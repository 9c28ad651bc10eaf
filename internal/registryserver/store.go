package registryserver

import (
	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// A BlobStore keeps what one repository consists of: its manifests and other
// blobs, by their digests, and the index of its manifests. It is for use by
// many goroutines at once. An ocilayout.Layout is one.
type BlobStore interface {
	// Index gives what the repository has: each manifest once for each of its
	// tags, or once without. The caller must not change it.
	Index() (*ocilayout.Index, error)
	// Change replaces the index by what do makes of a copy. What it names lasts
	// then.
	Change(do func(*ocilayout.Index) error) error
	// Open opens a blob. The error for an absent one is fs.ErrNotExist.
	Open(d digest.Digest) (ocilayout.Blob, error)
	// Create begins a blob of which digest and size may be known.
	Create(want descriptor.Descriptor) (ocilayout.Upload, error)
	// Link takes over a blob of another store without moving its bytes. It is an
	// error if that cannot be.
	Link(d digest.Digest, from ocilayout.Blob) error
	// Remove removes a blob. The error for an absent one is fs.ErrNotExist.
	Remove(d digest.Digest) error
}

// A storage holds repositories. It is for use by many goroutines at once.
type storage interface {
	// repository gives one, also one that is not there: that is empty, and
	// comes to be when something is put into it. To write says that this may be.
	repository(name string, write bool) *repository
	// after gives the first n names after last of those that hold a manifest, in
	// the order of their bytes.
	after(last string, n int) ([]string, error)
}
