package registry

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

	"github.com/bayplan/bayplan/internal/registry/wire"
)

const (
	layoutFile    = "oci-layout"
	layoutVersion = `{"imageLayoutVersion":"1.0.0"}`
	indexFile     = "index.json"
	indexType     = "application/vnd.oci.image.index.v1+json"
	manifestType  = "application/vnd.oci.image.manifest.v1+json"
	nameKey       = "org.opencontainers.image.ref.name"
	layoutMode    = fs.FileMode(0o644)
	layoutDirMode = fs.FileMode(0o755)
	// maxAnswer is the largest index that is read.
	maxAnswer = 16 << 20
)

// A layout is an OCI image layout: a directory, or a tar archive of one, that
// holds images of many repositories, each blob once. An image's name in it is
// repository:tag.
type layout struct {
	path string
	store
}

// A store keeps what a layout consists of. It is for use by many goroutines at
// once, and other processes may read and change the same files.
type store interface {
	// check says whether there is a layout at the path, or can be one.
	check() error
	// index gives what is named; where there is no layout yet, nothing is. What
	// it gives must not be changed.
	index() (*layoutIndex, error)
	// change names other things, which must be kept already.
	change(func(*layoutIndex)) error
	// blob opens a blob; an absent one's error is fs.ErrNotExist.
	blob(d digest.Digest) (blobFile, error)
	// put keeps a blob of so many bytes (-1: not known), if it is what its digest says.
	put(d digest.Digest, size int64, from io.Reader) error
	// start notes that an execution begins: what it puts is not needed by
	// anything yet, and must not be taken for superfluous.
	start()
	// held lists the blobs that are there, with their sizes.
	held() (map[digest.Digest]int64, error)
	// retain removes all blobs that are not needed.
	retain(needed map[digest.Digest]bool) error
	// settle ends an execution: all that was put and named lasts now.
	settle() error
	// spare is how many bytes are needed besides those of new blobs.
	spare() int64
}

type blobFile interface {
	io.ReadSeekCloser
	Size() int64
}

func newLayout(path string) *layout {
	if isTar(path) {
		return &layout{path, &tarStore{path: path}}
	}
	return &layout{path, &dirStore{dir: path}}
}

type layoutIndex struct {
	SchemaVersion int                     `json:"schemaVersion"`
	MediaType     string                  `json:"mediaType,omitempty"`
	Manifests     []descriptor.Descriptor `json:"manifests"`
	Annotations   map[string]string       `json:"annotations,omitempty"`
}

func emptyIndex() *layoutIndex { return &layoutIndex{SchemaVersion: 2, MediaType: indexType} }

// parseIndex reads the text of an index.json.
func parseIndex(text []byte, path string) (*layoutIndex, error) {
	var idx layoutIndex
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

func (idx *layoutIndex) clone() *layoutIndex {
	c := *idx
	c.Manifests = slices.Clone(idx.Manifests)
	return &c
}

// text gives what index.json is to hold.
func (idx *layoutIndex) text() ([]byte, error) {
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

var errNotItsDigest = errors.New("what came has another digest")

// copyBlob writes a blob of so many bytes, if it is what its digest says.
func copyBlob(w io.Writer, d digest.Digest, from io.Reader) (int64, error) {
	sum := d.Verifier()
	n, err := io.Copy(io.MultiWriter(w, sum), from)
	if err == nil && !sum.Verified() {
		err = errNotItsDigest
	}
	return n, err
}

// find gives what a name stands for, and whether it is there.
func (l *layout) find(name string) (descriptor.Descriptor, bool, error) {
	idx, err := l.index()
	if err != nil {
		return descriptor.Descriptor{}, false, err
	}
	for _, d := range idx.Manifests {
		if d.Annotations[nameKey] == name {
			return d, true, nil
		}
	}
	return descriptor.Descriptor{}, false, nil
}

// enter names a manifest in index.json, which must be kept already. With an
// empty name it is one that refers to others.
func (l *layout) enter(d descriptor.Descriptor, name string) error {
	if name != "" {
		d.Annotations = map[string]string{nameKey: name}
	}
	return l.change(func(idx *layoutIndex) {
		idx.Manifests = slices.DeleteFunc(idx.Manifests, func(o descriptor.Descriptor) bool {
			return o.Annotations[nameKey] == name && (name != "" || o.Digest == d.Digest)
		})
		if !slices.IsSortedFunc(idx.Manifests, byName) {
			slices.SortStableFunc(idx.Manifests, byName)
		}
		i, _ := slices.BinarySearchFunc(idx.Manifests, d, byName)
		idx.Manifests = slices.Insert(idx.Manifests, i, d)
	})
}

func byName(a, b descriptor.Descriptor) int {
	return cmp.Or(cmp.Compare(a.Annotations[nameKey], b.Annotations[nameKey]), cmp.Compare(a.Digest, b.Digest))
}

// referrers gives the manifests of the index that refer to another one.
func (l *layout) referrers(subject digest.Digest) ([]descriptor.Descriptor, error) {
	idx, err := l.index()
	if err != nil {
		return nil, err
	}
	found := []descriptor.Descriptor{}
	for _, d := range idx.Manifests {
		if d.Annotations[nameKey] != "" {
			continue
		}
		text, err := l.manifest(d.Digest)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s := sniff(text); s.Subject != nil && s.Subject.Digest == subject {
			found = append(found, d)
		}
	}
	return found, nil
}

// manifest reads a manifest.
func (l *layout) manifest(d digest.Digest) ([]byte, error) {
	f, err := l.blob(d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size() > wire.MaxManifest {
		return nil, fmt.Errorf("%s: %s: %d bytes are no manifest", l.path, d, f.Size())
	}
	return io.ReadAll(f)
}

// sniffed is what must be known of a manifest besides its bytes.
type sniffed struct {
	MediaType    string                 `json:"mediaType"`
	ArtifactType string                 `json:"artifactType"`
	Subject      *descriptor.Descriptor `json:"subject"`
	Config       *descriptor.Descriptor `json:"config"`
	Manifests    []json.RawMessage      `json:"manifests"`
	Annotations  map[string]string      `json:"annotations"`
}

// sniff looks into a manifest. One that does not say its type has it from
// what is in it.
func sniff(text []byte) sniffed {
	var s sniffed
	if json.Unmarshal(text, &s) != nil {
		return sniffed{}
	}
	switch {
	case s.MediaType != "":
	case s.Manifests != nil:
		s.MediaType = indexType
	default:
		s.MediaType = manifestType
	}
	if s.ArtifactType == "" && s.Config != nil {
		s.ArtifactType = s.Config.MediaType
	}
	return s
}
