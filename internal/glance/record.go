package glance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxRecords is how many records one upload may use.
const maxRecords = 3

// cleanupTime is how long a run that is being stopped may take to delete its record.
const cleanupTime = 10 * time.Second

// An upload brings the content of one want into a record of the cloud.
type upload struct {
	*Client
	want Want
	src  source

	// What the last look showed: the images with the names of the want. The look that
	// finds the record complete also finds what other runs have done.
	around []Image
	looked time.Time
}

// look reads the image of a record, and the images with the names of the want.
func (u *upload) look(ctx context.Context, id string) (Image, error) {
	around, err := u.List(ctx, u.want.Names()...)
	if err != nil {
		return Image{}, err
	}
	u.around, u.looked = around, time.Now()
	i := slices.IndexFunc(around, func(i Image) bool { return i.ID == id })
	if i < 0 {
		return u.Get(ctx, id) // a list may leave images out
	}
	return around[i], nil
}

// stage gives an active image with the wanted content under the staging name, and the
// SHA-512 of the content.
func (u *upload) stage(ctx context.Context, found *Image) (Image, string, error) {
	file, err := u.want.Open()
	if err != nil {
		return Image{}, "", err
	}
	defer file.Close()
	u.src = source{data: file, size: u.want.Size, sha512: u.want.SHA512, meter: &meter{report: u.want.OnSent}}

	for n := 1; ; n++ {
		rec, err := u.findOrCreateRecord(ctx, u.want, found)
		if err != nil {
			return Image{}, "", err
		}
		img, sum := rec, u.want.SHA512
		if img.Status != Active {
			img, sum, err = u.fillRecord(ctx, img)
		} else if err = checkContent(img, sum, u.src); err == nil {
			img, err = u.look(ctx, img.ID)
		}
		if err == nil {
			return img, sum, nil
		}
		u.deleteFailed(ctx, rec.ID)
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
	if w.Owner != "" {
		properties[Run] = w.Owner
	}
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
func (u *upload) fillRecord(ctx context.Context, found Image) (Image, string, error) {
	if found.Status != Queued {
		img, err := u.waitUntilStable(ctx, found.ID, u.patience)
		switch {
		case errors.Is(err, ErrNotFound):
			return Image{}, "", fmt.Errorf("%w: it was deleted", errStuck)
		case err != nil:
			return Image{}, "", err
		case img.Status == Active && u.src.sha512 != "":
			return img, u.src.sha512, checkContent(img, u.src.sha512, u.src)
		case img.Status != Queued:
			return Image{}, "", fmt.Errorf("%w: it stays %q", errStuck, img.Status)
		}
	}
	return u.send(ctx, found.ID)
}

// deleteFailed deletes the record of a failed upload, also when the run is being
// stopped. If that fails, the next run finds the record.
func (c *Client) deleteFailed(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_ = c.Delete(ctx, id) // the caller gives the error of the upload
}
