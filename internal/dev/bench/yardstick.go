package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/dev/bench/wire"
)

// The limits are the defaults of bayplan.
const (
	yardManifestLimit = 8  // manifests read at a time
	yardBlobLimit     = 8  // blobs copied at a time
	yardRequestLimit  = 16 // mounts and manifest puts at a time
)

// A yardstick copies a list of images with the fewest requests that the protocol
// allows. It checks no digests, repeats no requests and gets the digests of the
// tags from the list. Its time is that of the registries and the network.
type yardstick struct {
	from, to *wire.Client
	work     *errgroup.Group
	slots    chan struct{} // limits mounts

	mu sync.Mutex // guards waiting of all images; never held during a request
}

// A yardImage is an image to copy.
type yardImage struct {
	entry
	data    []byte
	blobs   []descriptor
	waiting int // number of blobs that are not there yet
}

// A yardBlob is a blob with the images that need it.
type yardBlob struct {
	descriptor
	images []*yardImage
}

// copyAll copies the images whose tags do not have the right digest at the
// destination.
func copyAll(ctx context.Context, from, to string, images []entry) error {
	y := &yardstick{from: wire.New(from, yardManifestLimit), to: wire.New(to, yardRequestLimit+yardBlobLimit), slots: make(chan struct{}, yardRequestLimit)}
	todo, err := y.readManifests(ctx, images)
	if err != nil {
		return err
	}
	y.work, ctx = errgroup.WithContext(ctx)
	blobs := blobTable(todo)
	queue := make(chan *yardBlob, len(blobs))
	for _, b := range blobs {
		queue <- b
	}
	close(queue)
	for range yardBlobLimit {
		y.work.Go(func() error {
			for b := range queue {
				if err := y.copyBlob(ctx, b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return y.work.Wait()
}

// readManifests returns the images to copy, with their manifests.
func (y *yardstick) readManifests(ctx context.Context, images []entry) ([]*yardImage, error) {
	all := make([]*yardImage, len(images))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(yardManifestLimit)
	for i, e := range images {
		g.Go(func() error {
			have, err := y.to.Head(ctx, e.Repository, e.Tag)
			if err != nil || have == e.Digest {
				return err
			}
			im := &yardImage{entry: e}
			if im.data, err = y.from.Manifest(ctx, e.Repository, e.Digest); err != nil {
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

// blobTable lists each blob once, largest first.
func blobTable(images []*yardImage) []*yardBlob {
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

// copyBlob copies a blob for the first image that needs it, and mounts it for
// the others.
func (y *yardstick) copyBlob(ctx context.Context, b *yardBlob) error {
	home := b.images[0]
	resp, err := y.from.Blob(ctx, home.Repository, b.Digest)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	at, err := y.to.StartUpload(ctx, home.Repository)
	if err != nil {
		return err
	}
	if err := y.to.FinishUpload(ctx, at, b.Digest, b.Size, resp.Body); err != nil {
		return err
	}
	for _, im := range b.images[1:] {
		y.work.Go(func() error {
			y.slots <- struct{}{}
			defer func() { <-y.slots }()
			if err := y.to.Mount(ctx, im.Repository, home.Repository, b.Digest); err != nil {
				return err
			}
			return y.blobDone(ctx, im)
		})
	}
	return y.blobDone(ctx, home)
}

// blobDone counts a blob of an image. After the last one it puts the manifest.
func (y *yardstick) blobDone(ctx context.Context, im *yardImage) error {
	y.mu.Lock()
	im.waiting--
	last := im.waiting == 0
	y.mu.Unlock()
	if !last {
		return nil
	}
	return y.to.PutManifest(ctx, im.Repository, im.Tag, im.data)
}
