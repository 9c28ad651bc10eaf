package registry

import (
	"context"
	"slices"
	"sync"

	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/registry/wire"
)

// What a destination holds need not be moved. There are three ways to know: a
// run before has confirmed an image (Image.Whole), the parts of an image are
// requested one by one, or (findBlobs) a single blob is.

// isConfirmed says that all parts of the image at the target's tag are there.
func (e *ImagePlan) isConfirmed() bool { return e.Have != "" && e.Have == e.Whole }

// blobAnswers remembers the answers about blobs while a plan is made: several
// images may be in one repository. The mutex is there because several images
// are planned at a time.
type blobAnswers struct {
	mu    sync.Mutex
	blobs map[blobQuestion]*blobAnswer
}

type blobQuestion struct{ repository, digest string }

type blobAnswer struct {
	once  sync.Once
	there bool
	err   error
}

// has asks for a blob, once.
func (a *blobAnswers) has(b blobQuestion, ask func() (bool, error)) (bool, error) {
	a.mu.Lock()
	if a.blobs == nil {
		a.blobs = map[blobQuestion]*blobAnswer{}
	}
	known := a.blobs[b]
	if known == nil {
		known = &blobAnswer{}
		a.blobs[b] = known
	}
	a.mu.Unlock()
	known.once.Do(func() { known.there, known.err = ask() })
	return known.there, known.err
}

// An inventory is the result of asking for the parts of an image.
type inventory struct {
	held  []part   // blobs that are there
	lost  []string // blobs and manifests that are not
	blobs int      // asked for
}

// takeInventory asks a destination for all parts of an image there.
func (c *Client) takeInventory(ctx context.Context, a *blobAnswers, repo ref.Ref, digest string) (inventory, error) {
	t, err := readImage(ctx, repo, digest, c.manifestThere)
	if KindOf(err) == NotFound {
		return inventory{lost: []string{err.Error()}}, nil
	}
	if err != nil {
		return inventory{}, err
	}
	found := inventory{blobs: len(t.blobs)}
	for _, d := range t.blobs {
		there, err := a.has(blobQuestion{repo.Reference, d.digest}, func() (bool, error) { return c.hasBlob(ctx, repo, d, confirm) })
		switch {
		case err != nil:
			return inventory{}, err
		case there:
			found.held = append(found.held, d)
		default:
			found.lost = append(found.lost, "blob "+d.digest)
		}
	}
	return found, nil
}

// manifestThere reads a manifest at the destination.
func (c *Client) manifestThere(ctx context.Context, r ref.Ref) (m manifest.Manifest, err error) {
	err = c.call(ctx, r, func(ctx context.Context) error {
		m, err = c.push(r).ManifestGet(ctx, r)
		return err
	})
	return m, err
}

// recheck checks the parts of an unchanged image, and has it copied again when
// a part is missing. It does not check what is known to be whole, except for
// signatures, which may be new.
func (c *Client) recheck(ctx context.Context, e *ImagePlan) error {
	if e.want.Signatures == RequireSignatures {
		lost, err := c.missingAttachments(ctx, e)
		if err != nil {
			return err
		}
		if len(lost) > 0 {
			e.State = Copy
		}
	}
	if e.isConfirmed() {
		return nil
	}
	found, err := c.takeInventory(ctx, &e.want.scratch.answers, repoOf(e.target), e.Have)
	switch KindOf(err) {
	case Denied, NoLogin:
		return nil // the registry shows no more than the digest of the tag
	}
	if err != nil {
		return on(destination, err)
	}
	if e.held = found.held; len(found.lost) > 0 {
		e.State = Copy
	}
	return nil
}

// readOlderImage finds out what the repository of an image holds where an older
// image of the name is known to be whole. What the new one shares with it costs
// no request.
func (c *Client) readOlderImage(ctx context.Context, e *ImagePlan) {
	if !e.isConfirmed() || e.held != nil {
		return
	}
	// If it cannot be read, nothing is known, which is no error.
	if t, err := readImage(ctx, repoOf(e.target), e.Have, c.manifestThere); err == nil {
		e.held = t.blobs
	}
}

// maxMountSources is the number of images in which blobs for new images are
// looked for.
const maxMountSources = 100

// findMountSources looks for the blobs of new images in unchanged images of the
// destination, so that no registry gets a blob twice.
func (c *Client) findMountSources(ctx context.Context, t *TransferPlan) error {
	var there []*ImagePlan
	for _, e := range t.Images {
		if e.State == Unchanged && len(there) < maxMountSources {
			there = append(there, e)
		}
	}
	if len(there) == 0 {
		return nil
	}
	wanted := map[blobKey]*Blob{}
	for _, b := range t.Blobs {
		if !b.isPresent() && b.isNew() {
			wanted[blobKey{b.destination(), b.Digest}] = b
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if err := wire.Each(ctx, there, c.readOlderImage); err != nil {
		return err
	}
	for _, e := range there {
		for _, d := range e.held {
			if b := wanted[blobKey{destinationOf(e.target), d.digest}]; b != nil && !b.isPresent() {
				at := repoOf(e.target)
				b.places = append(b.places, &place{repo: &at, present: true})
				t.trusting = t.trusting || e.isConfirmed()
			}
		}
	}
	return nil
}

// isNew says whether an image that needs the blob is new at its destination, or
// incomplete there. An update shares blobs with the image that it replaces.
func (b *Blob) isNew() bool {
	return slices.ContainsFunc(b.places, func(p *place) bool {
		return slices.ContainsFunc(p.entries, func(e *ImagePlan) bool { return e.Have == "" || e.Have == e.Digest && !e.isConfirmed() })
	})
}
