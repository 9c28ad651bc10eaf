package registry

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
)

// parts are the digests that a manifest of any kind names below it.
type parts struct {
	Manifests []descriptor.Descriptor `json:"manifests"`
	Layers    []descriptor.Descriptor `json:"layers"`
	Blobs     []descriptor.Descriptor `json:"blobs"`
	Config    descriptor.Descriptor   `json:"config"`
}

// A reach is what of a layout is needed.
type reach struct {
	l      *layout
	needed map[digest.Digest]bool
}

// from notes a manifest or blob and all below it.
func (r *reach) from(d digest.Digest, isManifest bool) error {
	if r.needed[d] || d.Validate() != nil {
		return nil
	}
	r.needed[d] = true
	if !isManifest {
		return nil
	}
	text, err := r.l.manifest(d)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var p parts
	if json.Unmarshal(text, &p) != nil {
		return nil // not what bayplan has brought; it stays as it is
	}
	for _, below := range p.Manifests {
		if err := r.from(below.Digest, true); err != nil {
			return err
		}
	}
	for _, below := range append(append(p.Layers, p.Blobs...), p.Config) {
		if err := r.from(below.Digest, false); err != nil {
			return err
		}
	}
	return nil
}

// survey divides a layout into what is needed by what stands in its index, but
// for the names that leave, and what is not: entries and blobs.
func (l *layout) survey(leave map[string]bool) (*reach, []descriptor.Descriptor, error) {
	idx, err := l.index()
	if err != nil {
		return nil, nil, err
	}
	r := &reach{l, map[digest.Digest]bool{}}
	var open []descriptor.Descriptor // without a name: they may speak of another one
	for _, d := range idx.Manifests {
		switch name := d.Annotations[nameKey]; {
		case leave[name]:
		case name == "":
			open = append(open, d)
		default:
			if err := r.from(d.Digest, true); err != nil {
				return nil, nil, err
			}
		}
	}
	for n := -1; n != len(open); {
		n = len(open)
		for i := len(open) - 1; i >= 0; i-- {
			stays, err := r.stays(open[i])
			if err == nil && stays {
				err = r.from(open[i].Digest, true)
				open = slices.Delete(open, i, i+1)
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	return r, open, nil
}

// stays says whether an entry without a name stays: what speaks of something
// that is needed, or of nothing.
func (r *reach) stays(d descriptor.Descriptor) (bool, error) {
	text, err := r.l.manifest(d.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s := sniff(text)
	return s.Subject == nil || r.needed[s.Subject.Digest], nil
}

// countUnused counts what the layout holds and nothing needs when the pruning
// is done, nor the images of the table that are still to come.
func (p *Pruning) countUnused(t *Table) error {
	leave := map[string]bool{}
	for _, r := range p.Removals {
		_, name, _ := CutLayout(r.Name)
		leave[name] = true
	}
	r, _, err := p.layout.survey(leave)
	if err != nil {
		return err
	}
	for _, b := range t.Blobs {
		r.needed[digest.Digest(b.Digest)] = true
	}
	for _, e := range t.Images {
		for _, put := range e.puts {
			r.needed[digest.Digest(put.digest)] = true
		}
	}
	held, err := p.layout.held()
	if err != nil {
		return err
	}
	for d, size := range held {
		if !r.needed[d] {
			p.Blobs++
			p.Bytes += size
		}
	}
	return nil
}

// sweep removes from a layout what nothing needs. It ends an execution.
func (l *layout) sweep() error {
	r, spare, err := l.survey(nil)
	if err == nil && len(spare) > 0 {
		err = l.change(func(idx *layoutIndex) {
			idx.Manifests = slices.DeleteFunc(idx.Manifests, func(d descriptor.Descriptor) bool {
				return d.Annotations[nameKey] == "" && slices.ContainsFunc(spare, func(s descriptor.Descriptor) bool { return s.Digest == d.Digest })
			})
		})
	}
	if err := errors.Join(err, l.settle()); err != nil {
		return err
	}
	return l.retain(r.needed)
}
