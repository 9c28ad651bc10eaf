package glance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
)

// maxRecords is how many records one upload may use.
const maxRecords = 3

// cleanupTime is how long a run that is being stopped may take to delete its record.
const cleanupTime = 10 * time.Second

// Converge makes the changes that Decide finds for the images seen, and gives the image
// that has the name afterwards. It may be called again after it failed, with the images
// that List gives then.
//
// The image that it gives is confirmed: the cloud's own answer to the last change shows
// that it has the wanted name and attributes, is active, and has the size and digest
// that were compared with the file. Where nothing had to be changed the image is the one
// of seen. That deleted images are gone is not confirmed.
//
// The changes in order, and what the next run does if the run stops after each:
//
//  1. Useless leftovers are deleted. Next run: it deletes the others.
//  2. A record is made under the staging name, with all of its properties and the digest
//     of its content. Next run: it finds the record by name and digest, and uses it.
//  3. The data are sent and compared. Next run: if the record is queued it sends the data
//     again; if it stays "saving" it deletes it and makes another; if it is active it
//     compares the content and uses the image.
//  4. Old images get backup names. Next run: no image has the name, and the staged one
//     takes it.
//  5. The staged image takes the name. Next run: nothing is left to do.
//  6. Surplus backups are deleted. Next run: it finds them by their names.
//
// So at no time do two images have the name, and an image with the name is complete.
// Between 4 and 5 no image has the name for a moment. A failed upload deletes its record.
// After a kill the record stays, and the next run finds it in 1 or 2.
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

// makeOrRepair repairs the image that has the content, or uploads one if there is none.
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

// takeName gives a staged image the wanted name. The same change sets the digest of the
// content in its marker, if the digest was not known before. The cloud's answer must
// show everything that the want asks for.
func (c *Client) takeName(ctx context.Context, w Want, img Image, sum string) (Image, error) {
	attributes := append([]attribute{setName(w.Name)}, w.expected()...)
	attributes = append(attributes, sameContent(img)...)
	if marker := "sha512:" + sum; img.Properties[Marker] != marker {
		attributes = append(attributes, attribute{Marker, marker, images.AddOp})
	}
	return c.update(ctx, img.ID, fmt.Sprintf("name it %q", w.Name), attributes...)
}

// repair sets wrong attributes of an image whose content is right.
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

// renameToBackup gives images their backup names.
func (c *Client) renameToBackup(ctx context.Context, old []Image) error {
	for _, img := range old {
		if err := c.Rename(ctx, img.ID, Backup(img)); err != nil {
			return err
		}
	}
	return nil
}

// stage gives an active image with the wanted content under the staging name, and the
// SHA-512 of the content.
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

// findOrCreateRecord gives the record that gets the data: the one found, or a new one.
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
	// Wait for the answer also when the run is being stopped: it carries the id of the
	// record, which must be deleted then.
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

// withGrace gives a context that ends the given time after ctx ends.
func withGrace(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(after, cancel) })
	return longer, func() { stop(); cancel() }
}

// fillRecord uploads the data into a record that has none. If data are still being
// written to it, perhaps over the connection of a killed run, it first waits until the
// record is stable.
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

// deleteFailed deletes the record of a failed upload, also when the run is being
// stopped. If that fails, the next run finds the record.
func (c *Client) deleteFailed(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_ = c.Delete(ctx, id) // the caller gives the error of the upload
}
