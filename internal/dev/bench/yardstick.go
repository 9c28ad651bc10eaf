package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// The concurrency is that of bayplan by its defaults.
const (
	yardLooks = 8  // images looked at
	yardMoves = 8  // blobs moved
	yardLight = 16 // mounts and manifests
)

// A yardstick copies a list of images with the fewest requests that the
// protocol allows and nothing else: no digest is checked, no request repeated,
// and it is told what the tags stand for. What it takes is what the registries
// and the network take.
type yardstick struct {
	from, to *wire
	work     *errgroup.Group
	slots    chan struct{} // held by mounts

	// The one lock of the books: nothing of what it guards waits.
	mu sync.Mutex
}

// A yardImage is an image on its way.
type yardImage struct {
	entry
	data    []byte
	blobs   []descriptor
	waiting int // for blobs
}

// A yardBlob is a blob and the images that need it.
type yardBlob struct {
	descriptor
	images []*yardImage
}

// copyAll copies the images whose tags do not stand for them at the destination.
func copyAll(ctx context.Context, from, to string, images []entry) error {
	y := &yardstick{from: newWire(from, yardLooks), to: newWire(to, yardLight+yardMoves), slots: make(chan struct{}, yardLight)}
	todo, err := y.look(ctx, images)
	if err != nil {
		return err
	}
	y.work, ctx = errgroup.WithContext(ctx)
	blobs := table(todo)
	queue := make(chan *yardBlob, len(blobs))
	for _, b := range blobs {
		queue <- b
	}
	close(queue)
	for range yardMoves {
		y.work.Go(func() error {
			for b := range queue {
				if err := y.move(ctx, b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return y.work.Wait()
}

// look gives the images that are to be copied, with their manifests.
func (y *yardstick) look(ctx context.Context, images []entry) ([]*yardImage, error) {
	all := make([]*yardImage, len(images))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(yardLooks)
	for i, e := range images {
		g.Go(func() error {
			have, err := y.to.head(ctx, e)
			if err != nil || have == e.Digest {
				return err
			}
			im := &yardImage{entry: e}
			if im.data, err = y.from.manifest(ctx, e); err != nil {
				return err
			}
			var m manifest
			if err := json.Unmarshal(im.data, &m); err != nil {
				return fmt.Errorf("manifest of %s: %w", e.Repository, err)
			}
			im.blobs = m.blobs()
			all[i] = im
			return nil
		})
	}
	err := g.Wait()
	return slices.DeleteFunc(all, func(im *yardImage) bool { return im == nil }), err
}

// table lists each blob once, the largest first.
func table(images []*yardImage) []*yardBlob {
	byDigest := map[string]*yardBlob{}
	var all []*yardBlob
	for _, im := range images {
		im.waiting = len(im.blobs)
		for _, d := range im.blobs {
			b := byDigest[d.Digest]
			if b == nil {
				b = &yardBlob{descriptor: d}
				byDigest[d.Digest], all = b, append(all, b)
			}
			b.images = append(b.images, im)
		}
	}
	slices.SortStableFunc(all, func(a, b *yardBlob) int { return cmp.Compare(b.Size, a.Size) })
	return all
}

// move brings a blob to the first image that needs it, and has the others mount it.
func (y *yardstick) move(ctx context.Context, b *yardBlob) error {
	home := b.images[0]
	resp, err := y.from.blob(ctx, home.Repository, b.Digest)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	at, err := y.to.upload(ctx, home.Repository)
	if err != nil {
		return err
	}
	if err := y.to.finish(ctx, at, b.descriptor, resp.Body); err != nil {
		return err
	}
	for _, im := range b.images[1:] {
		y.work.Go(func() error {
			y.slots <- struct{}{}
			defer func() { <-y.slots }()
			if err := y.to.mount(ctx, im.Repository, home.Repository, b.Digest); err != nil {
				return err
			}
			return y.landed(ctx, im)
		})
	}
	return y.landed(ctx, home)
}

// landed puts an image's manifest when its last blob is there.
func (y *yardstick) landed(ctx context.Context, im *yardImage) error {
	y.mu.Lock()
	im.waiting--
	last := im.waiting == 0
	y.mu.Unlock()
	if !last {
		return nil
	}
	return y.to.putManifest(ctx, im.entry, im.data)
}
