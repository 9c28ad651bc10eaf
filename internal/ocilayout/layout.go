// Package ocilayout keeps OCI image layouts: in a directory, or in a tar
// archive. It holds the index, the blobs, and the sweep of blobs that nothing
// needs. What is written survives a kill at any moment. It knows nothing of
// registries, of HTTP and of how images are moved.
package ocilayout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

const (
	blobsDir      = "blobs"
	layoutFile    = "oci-layout"
	layoutVersion = `{"imageLayoutVersion":"1.0.0"}`
	indexFile     = "index.json"
	layoutMode    = fs.FileMode(0o644)
	layoutDirMode = fs.FileMode(0o755)
	// maxManifest is the largest manifest that is read.
	maxManifest = 4 << 20
	// maxIndex is the largest index that is read.
	maxIndex = 16 << 20
)

// A Layout is an OCI image layout: a directory, or a tar archive of one. It
// holds images of one or many repositories, each blob once.
type Layout struct {
	path string
	store
	left leftOut
}

// A store keeps a layout in one of its forms. It is for use by many goroutines
// at once. Other processes may read and change the same files.
type store interface {
	// check says whether there is a layout at the path, or can be one.
	check() error
	// Index gives the index, an empty one where there is no layout yet. The
	// caller must not change it.
	Index() (*layoutindex.Index, error)
	// Change replaces the index by what do makes of a copy. The blobs that the
	// index names must be there already. Another goroutine may call do, and call
	// it again with another copy.
	Change(do func(*layoutindex.Index) error) error
	// Open opens a blob. The error for an absent one is fs.ErrNotExist.
	Open(d digest.Digest) (Blob, error)
	// Create begins a blob. The digest and the size in want may be unknown:
	// empty, and below zero. An archive needs both.
	Create(want descriptor.Descriptor) (Upload, error)
	// Link takes over a blob of another layout without copying it. The error is
	// errors.ErrUnsupported where that is impossible.
	Link(d digest.Digest, from Blob) error
	// Remove removes a blob. The error for an absent one is fs.ErrNotExist.
	Remove(d digest.Digest) error
	// Begin begins an execution. While it lasts other processes remove no blob,
	// because nothing refers to the new ones yet. An archive in pieces is read, unless this
	// process has read it already.
	Begin(ctx context.Context) error
	// Commit ends an execution. All that it has written is lasting then.
	Commit() error
	// Blobs lists the blobs with their sizes.
	Blobs() (map[digest.Digest]int64, error)
	// deleteUnreferenced removes all blobs that are not needed. It is an error
	// if the index names another manifest by now.
	deleteUnreferenced(needed map[digest.Digest]bool) error
	// OverheadBytes is the room that the next execution takes besides its
	// blobs.
	OverheadBytes() int64
}

// A Blob is a blob that is open for reading.
type Blob interface {
	io.ReadSeekCloser
	Size() int64
}

// An Upload is a blob that is being written. It is for use by one goroutine at
// a time.
type Upload interface {
	io.Writer
	io.ReaderAt
	// Commit makes it the blob of a digest. The caller has checked the digest.
	// The blob is lasting then.
	Commit(d digest.Digest) error
	// Abort removes it. After Commit it does nothing.
	Abort()
}

// Path is the path of the layout's directory or archive.
func (l *Layout) Path() string { return l.path }

// Open gives the layout at a path: an archive where the name ends with .tar, a
// directory otherwise. It does not look at the disk.
func Open(path string) *Layout {
	if isTar(path) {
		return &Layout{path: path, store: &tarStore{path: path}}
	}
	return &Layout{path: path, store: &dirStore{dir: path}}
}

// OpenOwned gives the layout in a directory that only one process writes. New
// blobs are written in the directory uploads, on the same file system. The
// caller removes what a killed process left there. Links are not followed, and
// the directory may hold other files.
func OpenOwned(dir, uploads string) *Layout {
	return &Layout{path: dir, store: &dirStore{dir: dir, uploads: uploads}}
}

// checkLayoutFile checks the content of oci-layout.
func checkLayoutFile(text []byte, path string) error {
	var is struct {
		Version string `json:"imageLayoutVersion"`
	}
	if json.Unmarshal(text, &is) != nil || is.Version != "1.0.0" {
		return fmt.Errorf("%s is not an OCI layout of version 1.0.0: its %s says %.80q", path, layoutFile, text)
	}
	return nil
}

// ErrDigest says that the bytes of a blob are not those of its digest.
var ErrDigest = errors.New("what came has another digest")

// Check says whether there is a layout or can be one, and whether its index is
// valid.
func (l *Layout) Check() error {
	if err := l.check(); err != nil {
		return err
	}
	idx, err := l.Index()
	if err != nil {
		return err
	}
	return idx.Unsound()
}

// Put writes a blob if its bytes match the digest. A size of -1 is unknown.
func (l *Layout) Put(d digest.Digest, size int64, from io.Reader) error {
	up, err := l.Create(descriptor.Descriptor{Digest: d, Size: size})
	if err != nil {
		return err
	}
	defer up.Abort()
	if err := copyBlob(up, d, from); err != nil {
		return err
	}
	return up.Commit(d)
}

// copyBlob copies a blob. It is an error if the bytes do not match the digest.
func copyBlob(w io.Writer, d digest.Digest, from io.Reader) error {
	sum := d.Verifier()
	_, err := io.Copy(io.MultiWriter(w, sum), from)
	if err == nil && !sum.Verified() {
		err = ErrDigest
	}
	return err
}

// manifest reads a manifest.
func (l *Layout) manifest(d digest.Digest) ([]byte, error) {
	f, err := l.Open(d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size() > maxManifest {
		return nil, fmt.Errorf("%s: %s: %d bytes are no manifest", l.path, d, f.Size())
	}
	return io.ReadAll(f)
}

// Subject gives the digest of the manifest that a manifest refers to, "" where
// it refers to none.
func Subject(manifest []byte) digest.Digest {
	var is struct {
		Subject *descriptor.Descriptor `json:"subject"`
	}
	if json.Unmarshal(manifest, &is) != nil || is.Subject == nil {
		return ""
	}
	return is.Subject.Digest
}
