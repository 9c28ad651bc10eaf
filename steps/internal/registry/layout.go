package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/durable"
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
)

// A layout is an OCI image layout: a directory that holds images of many
// repositories, each blob once. An image's name in it is repository:tag.
//
// Everything gets its place by a rename and index.json is written after all
// that it names, so that a run that is killed leaves blobs too many at the most.
type layout struct {
	dir string

	making sync.Mutex // the first blobs come beside each other

	mu   sync.Mutex // many requests of one run read and change the index
	seen fs.FileInfo
	read *layoutIndex // as it was in the file seen
}

type layoutIndex struct {
	SchemaVersion int                     `json:"schemaVersion"`
	MediaType     string                  `json:"mediaType,omitempty"`
	Manifests     []descriptor.Descriptor `json:"manifests"`
	Annotations   map[string]string       `json:"annotations,omitempty"`
}

// check says whether a directory is a layout or can become one.
func (l *layout) check() error {
	text, err := os.ReadFile(filepath.Join(l.dir, layoutFile))
	if err == nil {
		var is struct {
			Version string `json:"imageLayoutVersion"`
		}
		if json.Unmarshal(text, &is) != nil || is.Version != "1.0.0" {
			return fmt.Errorf("%s is not an OCI layout of version 1.0.0: its %s says %.80q", l.dir, layoutFile, text)
		}
		return nil
	}
	names, err := os.ReadDir(l.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case slices.ContainsFunc(names, func(e fs.DirEntry) bool { return e.Name() == layoutFile }):
		return nil // somebody has just made it one
	case len(names) > 0 && !strings.HasPrefix(names[0].Name(), ".bayplan-part-"):
		return fmt.Errorf("%s is not an OCI layout, and not empty: it holds %q, but no file %s", l.dir, names[0].Name(), layoutFile)
	}
	return nil
}

// create makes the directory a layout, if it is none yet.
func (l *layout) create() error {
	l.making.Lock()
	defer l.making.Unlock()
	if _, err := durable.MkdirAll(l.dir, layoutDirMode); err != nil {
		return err
	}
	if err := l.check(); err != nil {
		return err
	}
	path := filepath.Join(l.dir, layoutFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return durable.WriteBytes(path, layoutMode, []byte(layoutVersion))
}

func (l *layout) blobPath(d digest.Digest) string {
	return filepath.Join(l.dir, "blobs", d.Algorithm().String(), d.Encoded())
}

// put keeps a blob, if it is what its digest says.
func (l *layout) put(d digest.Digest, from io.Reader) error {
	path := l.blobPath(d)
	if _, err := durable.MkdirAll(filepath.Dir(path), layoutDirMode); err != nil {
		return err
	}
	return durable.WriteFile(path, layoutMode, func(w io.Writer) error {
		sum := d.Verifier()
		if _, err := io.Copy(io.MultiWriter(w, sum), from); err != nil {
			return err
		}
		if !sum.Verified() {
			return errNotItsDigest
		}
		return nil
	})
}

var errNotItsDigest = errors.New("what came has another digest")

// index reads index.json; one that is not there names nothing. What it gives
// must not be changed.
func (l *layout) index() (*layoutIndex, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.load()
}

func (l *layout) load() (*layoutIndex, error) {
	path := filepath.Join(l.dir, indexFile)
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &layoutIndex{SchemaVersion: 2, MediaType: indexType}, nil
	}
	if err != nil {
		return nil, err
	}
	if l.seen != nil && os.SameFile(fi, l.seen) && fi.ModTime().Equal(l.seen.ModTime()) && fi.Size() == l.seen.Size() {
		return l.read, nil
	}
	if fi.Size() > maxAnswer {
		return nil, fmt.Errorf("%s: %d bytes are too much for an index", path, fi.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var idx layoutIndex
	if err := json.Unmarshal(text, &idx); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, d := range idx.Manifests {
		if err := d.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("%s: the digest %q: %w", path, d.Digest, err)
		}
	}
	l.seen, l.read = fi, &idx
	return l.read, nil
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
// empty name it is one that refers to others. The lock on the directory keeps
// other processes from changing the index at the same time.
func (l *layout) enter(d descriptor.Descriptor, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	dir, err := os.Open(l.dir)
	if err != nil {
		return err
	}
	defer dir.Close() // ends the lock
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", l.dir, err)
	}
	old, err := l.load()
	if err != nil {
		return err
	}
	idx := *old
	idx.Manifests = slices.DeleteFunc(slices.Clone(old.Manifests), func(o descriptor.Descriptor) bool {
		return o.Annotations[nameKey] == name && (name != "" || o.Digest == d.Digest)
	})
	if name != "" {
		d.Annotations = map[string]string{nameKey: name}
	}
	idx.Manifests = append(idx.Manifests, d)
	slices.SortStableFunc(idx.Manifests, func(a, b descriptor.Descriptor) int {
		return strings.Compare(a.Annotations[nameKey]+" "+a.Digest.String(), b.Annotations[nameKey]+" "+b.Digest.String())
	})
	text, err := json.MarshalIndent(idx, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteBytes(filepath.Join(l.dir, indexFile), layoutMode, append(text, '\n'))
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
	f, err := os.Open(l.blobPath(d))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(text) > maxManifest {
		err = fmt.Errorf("%s: more than %d bytes are no manifest", f.Name(), maxManifest)
	}
	return text, err
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
