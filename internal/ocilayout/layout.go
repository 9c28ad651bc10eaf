// Package ocilayout keeps OCI image layouts: in a directory, or in a tar
// archive. It holds the index, the blobs, and the sweep of blobs that nothing
// needs. What is written survives a kill at any moment. It knows nothing of
// registries, of HTTP and of how images are moved.
package ocilayout

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
)

const (
	layoutFile    = "oci-layout"
	layoutVersion = `{"imageLayoutVersion":"1.0.0"}`
	indexFile     = "index.json"
	// IndexType is the media type of an index.
	IndexType = "application/vnd.oci.image.index.v1+json"
	// ManifestType is the media type of an image manifest.
	ManifestType = "application/vnd.oci.image.manifest.v1+json"
	// NameKey is the annotation of the index that holds the name of a manifest.
	NameKey       = "org.opencontainers.image.ref.name"
	layoutMode    = fs.FileMode(0o644)
	layoutDirMode = fs.FileMode(0o755)
	// maxManifest is the largest manifest that is read.
	maxManifest = 4 << 20
	// maxAnswer is the largest index that is read.
	maxAnswer = 16 << 20
)

// A Layout is an OCI image layout: a directory, or a tar archive of one, that
// holds images of many repositories, each blob once. An image's name in it is
// repository:tag.
type Layout struct {
	path string
	store
}

// A store keeps what a layout consists of. It is for use by many goroutines at
// once, and other processes may read and change the same files.
type store interface {
	// check says whether there is a layout at the path, or can be one.
	Check() error
	// index gives what is named; where there is no layout yet, nothing is. What
	// it gives must not be changed.
	Index() (*Index, error)
	// change names other things, which must be kept already.
	Change(func(*Index)) error
	// blob opens a blob; an absent one's error is fs.ErrNotExist.
	Open(d digest.Digest) (Blob, error)
	// put keeps a blob of so many bytes (-1: not known), if it is what its digest says.
	Put(d digest.Digest, size int64, from io.Reader) error
	// start notes that an execution begins: what it puts is not needed by
	// anything yet, and must not be taken for superfluous.
	Begin()
	// held lists the blobs that are there, with their sizes.
	Blobs() (map[digest.Digest]int64, error)
	// retain removes all blobs that are not needed.
	deleteUnreferenced(needed map[digest.Digest]bool) error
	// settle ends an execution: all that was put and named lasts now.
	Commit() error
	// spare is how many bytes are needed besides those of new blobs.
	OverheadBytes() int64
}

// A Blob is a blob that is open for reading.
type Blob interface {
	io.ReadSeekCloser
	Size() int64
}

// Path is the path of the layout's directory or archive.
func (l *Layout) Path() string { return l.path }

// Open gives the layout at a path: an archive where the name ends with .tar, and
// a directory otherwise. It does not look at the disk.
func Open(path string) *Layout {
	if isTar(path) {
		return &Layout{path, &tarStore{path: path}}
	}
	return &Layout{path, &dirStore{dir: path}}
}

// An Index is the content of index.json: the manifests of a layout.
type Index struct {
	SchemaVersion int                     `json:"schemaVersion"`
	MediaType     string                  `json:"mediaType,omitempty"`
	Manifests     []descriptor.Descriptor `json:"manifests"`
	Annotations   map[string]string       `json:"annotations,omitempty"`
}

func emptyIndex() *Index { return &Index{SchemaVersion: 2, MediaType: IndexType} }

// parseIndex reads the text of an index.json.
func parseIndex(text []byte, path string) (*Index, error) {
	var idx Index
	if err := json.Unmarshal(text, &idx); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, d := range idx.Manifests {
		if err := d.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("%s: the digest %q: %w", path, d.Digest, err)
		}
	}
	return &idx, nil
}

func (idx *Index) clone() *Index {
	c := *idx
	c.Manifests = slices.Clone(idx.Manifests)
	return &c
}

// Text gives what index.json is to hold.
func (idx *Index) Text() ([]byte, error) {
	text, err := json.MarshalIndent(idx, "", "  ")
	return append(text, '\n'), err
}

// checkLayoutFile reads the text of oci-layout.
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

// copyBlob writes a blob of so many bytes, if it is what its digest says.
func copyBlob(w io.Writer, d digest.Digest, from io.Reader) (int64, error) {
	sum := d.Verifier()
	n, err := io.Copy(io.MultiWriter(w, sum), from)
	if err == nil && !sum.Verified() {
		err = ErrDigest
	}
	return n, err
}

// Find gives what a name stands for, and whether it is there.
func (l *Layout) Find(name string) (descriptor.Descriptor, bool, error) {
	idx, err := l.Index()
	if err != nil {
		return descriptor.Descriptor{}, false, err
	}
	for _, d := range idx.Manifests {
		if d.Annotations[NameKey] == name {
			return d, true, nil
		}
	}
	return descriptor.Descriptor{}, false, nil
}

// Enter names a manifest in index.json, which must be kept already. With an
// empty name it is one that refers to others.
func (l *Layout) Enter(d descriptor.Descriptor, name string) error {
	if name != "" {
		d.Annotations = map[string]string{NameKey: name}
	}
	return l.Change(func(idx *Index) {
		idx.Manifests = slices.DeleteFunc(idx.Manifests, func(o descriptor.Descriptor) bool {
			return o.Annotations[NameKey] == name && (name != "" || o.Digest == d.Digest)
		})
		if !slices.IsSortedFunc(idx.Manifests, byName) {
			slices.SortStableFunc(idx.Manifests, byName)
		}
		i, _ := slices.BinarySearchFunc(idx.Manifests, d, byName)
		idx.Manifests = slices.Insert(idx.Manifests, i, d)
	})
}

func byName(a, b descriptor.Descriptor) int {
	return cmp.Or(cmp.Compare(a.Annotations[NameKey], b.Annotations[NameKey]), cmp.Compare(a.Digest, b.Digest))
}

// Referrers gives the manifests of the index that refer to another one.
func (l *Layout) Referrers(subject digest.Digest) ([]descriptor.Descriptor, error) {
	idx, err := l.Index()
	if err != nil {
		return nil, err
	}
	found := []descriptor.Descriptor{}
	for _, d := range idx.Manifests {
		if d.Annotations[NameKey] != "" {
			continue
		}
		text, err := l.Manifest(d.Digest)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s := Inspect(text); s.Subject != nil && s.Subject.Digest == subject {
			found = append(found, d)
		}
	}
	return found, nil
}

// Manifest reads a manifest.
func (l *Layout) Manifest(d digest.Digest) ([]byte, error) {
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

// Facts is what must be known of a manifest besides its bytes.
type Facts struct {
	MediaType    string                 `json:"mediaType"`
	ArtifactType string                 `json:"artifactType"`
	Subject      *descriptor.Descriptor `json:"subject"`
	Config       *descriptor.Descriptor `json:"config"`
	Manifests    []json.RawMessage      `json:"manifests"`
	Annotations  map[string]string      `json:"annotations"`
}

// Inspect looks into a manifest. One that does not say its type has it from
// what is in it.
func Inspect(text []byte) Facts {
	var s Facts
	if json.Unmarshal(text, &s) != nil {
		return Facts{}
	}
	switch {
	case s.MediaType != "":
	case s.Manifests != nil:
		s.MediaType = IndexType
	default:
		s.MediaType = ManifestType
	}
	if s.ArtifactType == "" && s.Config != nil {
		s.ArtifactType = s.Config.MediaType
	}
	return s
}
