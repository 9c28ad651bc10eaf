package ocilayout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/receipt"
)

// leftOutKey is the annotation of an index that names the blobs that the layout leaves out, since
// its destination has them: a receipt of these blobs alone.
const leftOutKey = "io.github.bayplan.left-out"

// A leftOut is what is known of the blobs that a layout leaves out.
type leftOut struct {
	mu      sync.Mutex
	written bool             // this process writes the layout, and without says what it leaves out
	without *receipt.Receipt // nil: nothing
	text    string           // of the annotation that was read last
	read    *receipt.Receipt
	index   digest.Digest // of the manifests of the index for which needed was found
	needed  map[digest.Digest]bool
}

// setWithout says what the layout leaves out.
func (l *Layout) setWithout(r *receipt.Receipt) error {
	noted, err := l.noted()
	if err != nil {
		return err
	}
	if noted != nil && r != nil && noted.Of != r.Of {
		err := fmt.Errorf("%s leaves out what %s has, and the receipt is one of %s", l.path, noted.Of, r.Of)
		return fault.WithHint(err, "write a layout for each site, or name the receipt of that site")
	}
	l.left.mu.Lock()
	defer l.left.mu.Unlock()
	if l.left.written && !sameReceipt(l.left.without, r) {
		return fault.WithHint(fmt.Errorf("%s: %w", l.path, ErrForm), "give both steps the same without, or each a layout of its own")
	}
	l.left.written, l.left.without = true, r
	return nil
}

func sameReceipt(a, b *receipt.Receipt) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return bytes.Equal(a.Text(), b.Text())
}

// noted gives what the index says that the layout leaves out, nil for nothing.
func (l *Layout) noted() (*receipt.Receipt, error) {
	idx, err := l.Index()
	if err != nil {
		return nil, err
	}
	text := idx.Annotations[leftOutKey]
	if text == "" {
		return nil, nil
	}
	l.left.mu.Lock()
	defer l.left.mu.Unlock()
	if l.left.text != text {
		r, err := receipt.Parse(l.path+": what it leaves out", []byte(text))
		if err != nil {
			return nil, err
		}
		l.left.text, l.left.read = text, r
	}
	return l.left.read, nil
}

// Noted says whether the index says that the layout leaves out blobs.
func (l *Layout) Noted() (bool, error) {
	r, err := l.noted()
	return r != nil, err
}

// Leaves gives the receipt that names what the layout leaves out, nil for none.
func (l *Layout) Leaves() (*receipt.Receipt, error) {
	l.left.mu.Lock()
	written, without := l.left.written, l.left.without
	l.left.mu.Unlock()
	if written {
		return without, nil
	}
	return l.noted()
}

// LeftOut gives the size of a blob that the layout leaves out, since its destination has it.
func (l *Layout) LeftOut(d digest.Digest) (size int64, ok bool) {
	r, err := l.Leaves()
	if err != nil || r == nil {
		return 0, false
	}
	held, ok := r.Blobs[d]
	return held.Size, ok && held.Size > receipt.SmallBlob
}

// Has says whether the layout has a blob.
func (l *Layout) Has(d digest.Digest) (bool, error) {
	f, err := l.Open(d)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// leavesOut gives the text of the annotation that the layout should have: a receipt of the blobs
// that its images need and that it leaves out.
func (l *Layout) leavesOut() (string, error) {
	r, err := l.Leaves()
	if err != nil || r == nil {
		return "", err
	}
	needed, err := l.neededBlobs()
	if err != nil {
		return "", err
	}
	held, err := l.Blobs()
	if err != nil {
		return "", err
	}
	part := receipt.Receipt{Of: r.Of, Made: r.Made, Blobs: map[digest.Digest]receipt.Held{}}
	for d := range needed {
		if _, ok := held[d]; ok {
			continue
		}
		if _, ok := l.LeftOut(d); ok {
			part.Blobs[d] = r.Blobs[d]
		}
	}
	if len(part.Blobs) == 0 {
		return "", nil
	}
	return string(part.Text()), nil
}

// neededBlobs gives what the images of the index need. It reads their manifests once, as long as they
// are the same.
func (l *Layout) neededBlobs() (map[digest.Digest]bool, error) {
	idx, err := l.Index()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(idx.Manifests)
	if err != nil {
		return nil, err
	}
	l.left.mu.Lock()
	defer l.left.mu.Unlock()
	if sum := digest.FromBytes(text); l.left.index != sum {
		reached, _, err := l.mark(nil)
		if err != nil {
			return nil, err
		}
		if reached.lost { // it may come back
			return reached.needed, nil
		}
		l.left.index, l.left.needed = sum, reached.needed
	}
	return l.left.needed, nil
}

// lacksNote says whether the index does not say what this process has left out.
func (l *Layout) lacksNote() (text string, lacks bool, err error) {
	l.left.mu.Lock()
	written := l.left.written
	l.left.mu.Unlock()
	idx, err := l.Index()
	if err != nil || !written {
		return "", false, err
	}
	text, err = l.leavesOut()
	return text, err == nil && text != idx.Annotations[leftOutKey], err
}

// note writes into the index what the layout leaves out.
func (l *Layout) note(ctx context.Context) error {
	text, lacks, err := l.lacksNote()
	if err != nil || !lacks {
		return err
	}
	if err := l.Begin(ctx); err != nil {
		return err
	}
	err = l.Change(func(idx *layoutindex.Index) error {
		idx.Annotations = maps.Clone(idx.Annotations)
		if idx.Annotations == nil {
			idx.Annotations = map[string]string{}
		}
		if idx.Annotations[leftOutKey] = text; text == "" {
			delete(idx.Annotations, leftOutKey)
		}
		return nil
	})
	return errors.Join(err, l.Commit())
}

// Inventory gives the blobs that the layout has, without manifests, each with the first of the
// repositories that need it. It reads each manifest once.
func (l *Layout) Inventory() (map[digest.Digest]receipt.Held, error) {
	idx, err := l.Index()
	if err != nil {
		return nil, err
	}
	held, err := l.Blobs()
	if err != nil {
		return nil, err
	}
	entries := map[string][]digest.Digest{} // by repository
	for _, m := range idx.Manifests {
		repository, _ := layoutindex.ImageName(m)
		if !receipt.IsRepository(repository) {
			repository = ""
		}
		entries[repository] = append(entries[repository], m.Digest)
	}
	names := slices.Sorted(maps.Keys(entries))
	if len(names) > 0 && names[0] == "" {
		names = append(names[1:], "") // a blob has a name if it can
	}
	all := map[digest.Digest]receipt.Held{}
	r := &reachable{l: l, needed: map[digest.Digest]bool{}, manifests: map[digest.Digest]bool{}}
	for _, repository := range names {
		for _, d := range entries[repository] {
			r.found = func(d digest.Digest) {
				if size, there := held[d]; there {
					all[d] = receipt.Held{Repository: repository, Size: size}
				}
			}
			if err := r.mark(d, true); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
