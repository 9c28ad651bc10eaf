package glance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
)

// maxRecords bounds how many records one upload may use up.
const maxRecords = 3

// cleanupTime is how long a run that is being stopped may take to leave nothing behind.
const cleanupTime = 10 * time.Second

// Converge does what Decide says about the images seen, and gives the image
// that has the name then. It may be called again after it failed, with what
// List gives then.
//
// The order of effects, and what the next run makes of a stop after each:
//
//  1. useless leftovers are deleted   those still there are deleted
//  2. a record is made under the staging name, with all of its properties and
//     the digest of its content       the record is found by name and digest, and used
//  3. the data are sent and compared  queued: sent again; saving for ever: deleted,
//     and another made; active: compared, and used
//  4. old images give up the name     no image has the name; the staged one takes it
//  5. the staged image takes the name nothing to do
//  6. images that are too many go     they are found by their names, and go
//
// So nobody ever finds two images of the name, or one that is not whole, and
// for the moment between 4 and 5 only nobody finds any. A failed upload takes
// its record with it; after a kill it stays, and 1 or 2 of the next run find it.
func (c *Client) Converge(ctx context.Context, w Want, seen []Image) (Image, error) {
	w, err := w.withDigest(ctx, seen)
	if err != nil {
		return Image{}, err
	}
	d, err := Decide(ctx, w, seen)
	if err != nil {
		return Image{}, err
	}
	for _, img := range d.Leftover {
		if err := c.Delete(ctx, img.ID); err != nil {
			return Image{}, err
		}
	}
	img, err := c.makeOrRepair(ctx, w, d)
	if err != nil {
		return Image{}, err
	}
	for _, old := range d.Delete {
		if err := c.Delete(ctx, old.ID); err != nil {
			return Image{}, err
		}
	}
	return img, nil
}

// makeOrRepair gives the image that has the name, and makes it if there is none.
func (c *Client) makeOrRepair(ctx context.Context, w Want, d Decision) (Image, error) {
	if d.Keep != nil {
		return c.repair(ctx, w, d)
	}
	img, sum, err := c.stage(ctx, w, d.Staged)
	if err != nil {
		return Image{}, fmt.Errorf("upload image %q to cloud %q: %w", w.Name, c.cloud, err)
	}
	if err := c.renameToBackup(ctx, d.Old); err != nil {
		return Image{}, err
	}
	img, err = c.takeName(ctx, w, img, sum)
	if err == nil && w.OnSHA512 != nil {
		w.OnSHA512(sum)
	}
	return img, err
}

// takeName gives a staged image its name, at once with the digest if that is known
// only now. The image that it gives is wholly as wanted, by the cloud's own word.
func (c *Client) takeName(ctx context.Context, w Want, img Image, sum string) (Image, error) {
	attributes := append([]attribute{setName(w.Name)}, w.expected()...)
	attributes = append(attributes, sameContent(img)...)
	if marker := "sha512:" + sum; img.Properties[Marker] != marker {
		attributes = append(attributes, attribute{Marker, marker, images.AddOp})
	}
	return c.update(ctx, img.ID, fmt.Sprintf("name it %q", w.Name), attributes...)
}

// repair sets what is wrong about an image whose content is right.
func (c *Client) repair(ctx context.Context, w Want, d Decision) (Image, error) {
	if err := c.renameToBackup(ctx, d.Old); err != nil {
		return Image{}, err
	}
	img := *d.Keep
	set := func(what string, attributes ...attribute) (err error) {
		attributes = append(attributes, attribute{key: "name", want: w.Name})
		img, err = c.update(ctx, img.ID, what, append(attributes, sameContent(*d.Keep)...)...)
		return err
	}
	if len(d.SetProperties) > 0 {
		if err := set(setsProperties(d.SetProperties), setProperties(d.SetProperties)...); err != nil {
			return Image{}, err
		}
	}
	if d.SetMinimums {
		if err := set("set min_disk and min_ram", setMinimums(w.MinDisk, w.MinRAM)...); err != nil {
			return Image{}, err
		}
	}
	if d.SetVisibility {
		if err := set("make it "+w.Visibility, setVisibility(w.Visibility)); err != nil {
			return Image{}, err
		}
	}
	return img, nil
}

// renameToBackup takes the name from images.
func (c *Client) renameToBackup(ctx context.Context, old []Image) error {
	for _, img := range old {
		if err := c.Rename(ctx, img.ID, Backup(img)); err != nil {
			return err
		}
	}
	return nil
}

// stage gives an active image of the wanted content under the staging name,
// and the SHA-512 of the content.
func (c *Client) stage(ctx context.Context, w Want, found *Image) (Image, string, error) {
	file, err := w.Open()
	if err != nil {
		return Image{}, "", err
	}
	defer file.Close()
	src := source{data: file, size: w.Size, sha512: w.SHA512, meter: &meter{report: w.OnSent}}

	for n := 1; ; n++ {
		rec, err := c.findOrCreateRecord(ctx, w, found)
		if err != nil {
			return Image{}, "", err
		}
		img, sum := rec, w.SHA512
		if img.Status != Active {
			img, sum, err = c.fillRecord(ctx, img, src)
		} else {
			err = checkContent(img, sum, src)
		}
		if err == nil {
			return img, sum, nil
		}
		c.deleteFailed(ctx, rec.ID)
		if !errors.Is(err, errStuck) || n == maxRecords {
			return Image{}, "", err
		}
		found = nil
	}
}

// findOrCreateRecord gives the record to fill: the one found, or a new one.
func (c *Client) findOrCreateRecord(ctx context.Context, w Want, found *Image) (Image, error) {
	if found != nil {
		var fix map[string]string
		for key, value := range w.Properties {
			if found.Properties[key] != value {
				fix = withEntry(fix, key, value)
			}
		}
		return *found, c.SetProperties(ctx, found.ID, fix)
	}
	if err := ctx.Err(); err != nil {
		return Image{}, err
	}
	// The answer is waited for even when the run is being stopped: without it
	// nobody would know the id of the record to delete.
	ctx, cancel := withGrace(ctx, cleanupTime)
	defer cancel()
	properties := withEntry(w.Properties, Marker, w.marker())
	if w.Source != "" {
		properties[Source] = w.Source
	}
	return c.Create(ctx, Image{
		Name: w.StagingName(), DiskFormat: w.DiskFormat, ContainerFormat: w.ContainerFormat,
		Visibility: w.Visibility, MinDisk: w.MinDisk, MinRAM: w.MinRAM, Properties: properties,
	})
}

// withGrace gives a context that ends that much later than ctx does.
func withGrace(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(after, cancel) })
	return longer, func() { stop(); cancel() }
}

// fillRecord uploads the data into a record that has none. One that is being
// written to, perhaps by the connection that a killed run left, gets the time
// to come to rest first.
func (c *Client) fillRecord(ctx context.Context, found Image, src source) (Image, string, error) {
	if found.Status != Queued {
		img, err := c.waitUntilStable(ctx, found.ID, c.patience)
		switch {
		case errors.Is(err, ErrNotFound):
			return Image{}, "", fmt.Errorf("%w: it was deleted", errStuck)
		case err != nil:
			return Image{}, "", err
		case img.Status == Active && src.sha512 != "":
			return img, src.sha512, checkContent(img, src.sha512, src)
		case img.Status != Queued:
			return Image{}, "", fmt.Errorf("%w: it stays %q", errStuck, img.Status)
		}
	}
	return c.upload(ctx, found.ID, src)
}

// deleteFailed deletes a record that came to nothing, also when the run is being
// stopped. When that does not work out the next run finds it.
func (c *Client) deleteFailed(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_ = c.Delete(ctx, id) // the error that matters is the one that led here
}
