package registry

import (
	"context"
	"slices"
	"sync"

	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"
)

// What a destination is known to hold decides what need not be moved. It is
// known from three sides: a run before has confirmed an image (Image.Whole), or
// its parts are asked for one by one, or (findBlobs) a single blob is.

// isConfirmed says that all parts of what the target's tag stands for are there.
func (e *ImagePlan) isConfirmed() bool { return e.Have != "" && e.Have == e.Whole }

// blobAnswers remembers what was asked for at destinations while a table is made:
// several images may be in one repository. The mutex is there because images
// are looked at beside each other.
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

// An inventory is what came of asking for the parts of an image.
type inventory struct {
	held  []part   // blobs that are there
	lost  []string // blobs and manifests that are not
	blobs int      // asked for
}

// takeInventory asks a destination for all that an image there consists of.
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
		there, err := a.has(blobQuestion{repo.Reference, d.digest}, func() (bool, error) { return c.hasBlob(ctx, repo, d) })
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
		m, err = c.push.ManifestGet(ctx, r)
		return err
	})
	return m, err
}

// recheck looks at what an unchanged image consists of, and has it copied once
// more when something is missing. What is known to be whole is not looked at,
// but for signatures that may have been made in the meantime.
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
		return nil // it tells no more than what its tag stands for
	}
	if err != nil {
		return on(destination, err)
	}
	if e.held = found.held; len(found.lost) > 0 {
		e.State = Copy
	}
	return nil
}

// readOlderImage finds out what an image's repository holds when an older image of the
// name is there and known to be whole: what the new one shares with it costs no
// request.
func (c *Client) readOlderImage(ctx context.Context, e *ImagePlan) {
	if !e.isConfirmed() || e.held != nil {
		return
	}
	// That it cannot be read is no error: then nothing is known.
	if t, err := readImage(ctx, repoOf(e.target), e.Have, c.manifestThere); err == nil {
		e.held = t.blobs
	}
}

// maxMountSources is how many images are looked at for what a new one may share with them.
const maxMountSources = 100

// findMountSources looks for the blobs that images need that are new at their
// destinations in those that are there already and stay as they are: no
// registry need be sent a blob twice.
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
			wanted[blobKey{b.places[0].repo.Registry, b.Digest}] = b
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if err := each(ctx, there, c.readOlderImage); err != nil {
		return err
	}
	for _, e := range there {
		for _, d := range e.held {
			if b := wanted[blobKey{e.target.Registry, d.digest}]; b != nil && !b.isPresent() {
				at := repoOf(e.target)
				b.places = append(b.places, &place{repo: &at, present: true})
				t.trusting = t.trusting || e.isConfirmed()
			}
		}
	}
	return nil
}

// isNew says whether an image that needs the blob is new at its destination,
// or no longer whole there. An update shares with what it replaces.
func (b *Blob) isNew() bool {
	return slices.ContainsFunc(b.places, func(p *place) bool {
		return slices.ContainsFunc(p.entries, func(e *ImagePlan) bool { return e.Have == "" || e.Have == e.Digest && !e.isConfirmed() })
	})
}
