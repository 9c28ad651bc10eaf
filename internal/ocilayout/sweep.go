package ocilayout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// parts are the digests that a manifest of any kind names.
type parts struct {
	Manifests []descriptor.Descriptor `json:"manifests"`
	Layers    []descriptor.Descriptor `json:"layers"`
	Blobs     []descriptor.Descriptor `json:"blobs"`
	Config    descriptor.Descriptor   `json:"config"`
}

// A reachable is the part of a layout that is needed.
type reachable struct {
	l         *Layout
	needed    map[digest.Digest]bool
	manifests map[digest.Digest]bool // those among them
	lost      bool                   // a manifest is not there
	found     func(digest.Digest)    // gets each blob that is marked; nil: nobody wants it
	depth     int                    // of the manifest that is marked
}

// maxDepth is how deep indexes may be nested.
const maxDepth = 32

// mark marks a manifest or blob as needed, and all below it.
func (r *reachable) mark(d digest.Digest, isManifest bool) error {
	if r.needed[d] || d.Validate() != nil {
		return nil
	}
	r.needed[d] = true
	if !isManifest {
		if r.found != nil {
			r.found(d)
		}
		return nil
	}
	if r.depth++; r.depth > maxDepth {
		return fmt.Errorf("%s: indexes are nested more than %d deep", r.l.path, maxDepth)
	}
	defer func() { r.depth-- }()
	r.manifests[d] = true
	text, err := r.l.manifest(d)
	if errors.Is(err, fs.ErrNotExist) {
		r.lost = true
		return nil
	}
	if err != nil {
		return err
	}
	var p parts
	if json.Unmarshal(text, &p) != nil {
		return nil // bayplan did not write it, so it stays
	}
	for _, below := range p.Manifests {
		if err := r.mark(below.Digest, true); err != nil {
			return err
		}
	}
	for _, below := range append(append(p.Layers, p.Blobs...), p.Config) {
		if err := r.mark(below.Digest, false); err != nil {
			return err
		}
	}
	return nil
}

// mark divides a layout. What the index needs, without the names in leave, is
// reachable. The entries that it returns besides are not.
func (l *Layout) mark(leave map[string]bool) (*reachable, []descriptor.Descriptor, error) {
	idx, err := l.Index()
	if err != nil {
		return nil, nil, err
	}
	r := &reachable{l: l, needed: map[digest.Digest]bool{}, manifests: map[digest.Digest]bool{}}
	var open []descriptor.Descriptor // entries without a name, which may refer to another manifest
	for _, d := range idx.Manifests {
		switch name := d.Annotations[layoutindex.NameKey]; {
		case leave[name]:
		case name == "":
			open = append(open, d)
		default:
			if err := r.mark(d.Digest, true); err != nil {
				return nil, nil, err
			}
		}
	}
	for n := -1; n != len(open); {
		n = len(open)
		for i := len(open) - 1; i >= 0; i-- {
			stays, err := r.isKept(open[i])
			if err == nil && stays {
				err = r.mark(open[i].Digest, true)
				open = slices.Delete(open, i, i+1)
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	return r, open, nil
}

// isKept says whether an entry without a name stays: one that refers to a
// manifest that is needed, or to none.
func (r *reachable) isKept(d descriptor.Descriptor) (bool, error) {
	text, err := r.l.manifest(d.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	subject := Subject(text)
	return subject == "" || r.needed[subject], nil
}

// Unreferenced counts the blobs that nothing needs after the names in leave are
// gone. It does not count blobs in also, which something else needs.
func (l *Layout) Unreferenced(leave, also map[string]bool) (blobs int, bytes int64, err error) {
	r, _, err := l.mark(leave)
	if err != nil {
		return 0, 0, err
	}
	held, err := l.Blobs()
	if err != nil {
		return 0, 0, err
	}
	for d, size := range held {
		if !r.needed[d] && !also[d.String()] {
			blobs++
			bytes += size
		}
	}
	return blobs, bytes, nil
}

// Sweep removes from a layout what nothing needs. It ends an execution.
func (l *Layout) Sweep() error {
	r, spare, err := l.mark(nil)
	if err == nil && len(spare) > 0 {
		err = l.Change(func(idx *layoutindex.Index) error {
			idx.Manifests = slices.DeleteFunc(idx.Manifests, func(d descriptor.Descriptor) bool {
				return d.Annotations[layoutindex.NameKey] == "" && slices.ContainsFunc(spare, func(s descriptor.Descriptor) bool { return s.Digest == d.Digest })
			})
			return nil
		})
	}
	if err := errors.Join(err, l.Commit()); err != nil {
		return err
	}
	return l.deleteUnreferenced(r.needed)
}

// checkMarked reports an entry that is not marked: another process has named it
// since, and what it needs must not be removed.
func checkMarked(idx *layoutindex.Index, needed map[digest.Digest]bool, path string) error {
	for _, d := range idx.Manifests {
		if d.Digest.Validate() == nil && !needed[d.Digest] {
			return fmt.Errorf("%s: another run has just written it", path)
		}
	}
	return nil
}
