package registryserver

import (
	"io"

	"github.com/opencontainers/go-digest"
	v1 "github.com/regclient/regclient/types/oci/v1"
)

// A vault keeps what one repository consists of: its manifests and other
// blobs, by their digests, and the index of its manifests. It is for use by
// many goroutines at once.
type vault interface {
	// index gives what the repository has: each manifest once for each of its
	// tags, or once without. It must not be changed.
	index() (v1.Index, error)
	// save replaces the index. What it names lasts from now on.
	save(v1.Index) error
	// open opens a blob; an absent one's error is fs.ErrNotExist.
	open(digest.Digest) (io.ReadSeekCloser, error)
	// stage begins a blob.
	stage() (staged, error)
	// link takes a blob over from another vault without moving its bytes. It
	// is an error if that cannot be.
	link(d digest.Digest, from vault) error
	// remove removes a blob; an absent one's error is fs.ErrNotExist.
	remove(digest.Digest) error
}

// A staged blob is one that comes in, and has no name yet. It is for use by one
// goroutine at a time.
type staged interface {
	io.Writer
	io.ReaderAt
	// keep makes it the blob that it is, and ends it.
	keep(digest.Digest) error
	// drop gives it up. After keep it does nothing.
	drop()
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
