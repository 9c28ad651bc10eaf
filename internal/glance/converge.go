package glance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
)

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
// So an image with the name is complete, and one run never gives the name to two images.
// Between 4 and 5 no image has the name for a moment. A failed upload deletes its record.
// After a kill the record stays, and the next run finds it in 1 or 2.
//
// Runs of other owners may be at work at the same time, and the service has no unique
// names and no locks. So a run looks at the name again when its own record is complete,
// before 4, and once more after 5. The rules are such that all runs choose alike, between
// any two requests of the others:
//
//   - Step 1 and 2 leave the record of another owner alone, unless it is a day old.
//   - If another run has given the name to the wanted content before 4, that image stays,
//     and the own record is deleted. Nothing that another run has finished is replaced by
//     a copy.
//   - After 5, a record of another run that is complete, but has no name yet, is waited
//     for: its run may have looked before 5. A record without all of its data is not,
//     since its run will look after 5.
//   - If two images have the name then, the one that keeps chooses stays. Of different
//     contents the newest stays, and the run of the other one fails.
func (c *Client) Converge(ctx context.Context, w Want, seen []Image) (Image, error) {
	var done Decision
	overtaken := false
	for round := 1; ; round++ {
		known, err := w.withDigest(ctx, seen)
		if err != nil {
			return Image{}, err
		}
		w = known
		d, err := Decide(ctx, w, seen)
		if err != nil {
			return Image{}, err
		}
		if err := c.deleteAll(ctx, d.Leftover); err != nil {
			return Image{}, err
		}
		img, err := Image{}, error(nil)
		if d.Keep != nil {
			img, err = c.repair(ctx, w, d)
			done = d
		} else {
			img, done, err = c.uploadNamed(ctx, &w, seen, d.Staged)
		}
		switch {
		case err == nil:
			if overtaken && w.OnTwin != nil {
				w.OnTwin(img)
			}
			return img, c.deleteAll(ctx, done.Delete)
		case round == maxRounds || !errors.Is(err, errOvertaken) && (d.Keep == nil || !errors.Is(err, ErrNotFound)):
			return Image{}, err
		}
		overtaken = overtaken || errors.Is(err, errOvertaken)
		around, err := c.quiet(ctx, w, img)
		if err != nil {
			return Image{}, err
		}
		seen = w.with(seen, around)
	}
}

// maxRounds is how often other runs may overtake a run.
const maxRounds = 5

// deleteAll deletes images.
func (c *Client) deleteAll(ctx context.Context, all []Image) error {
	for _, img := range all {
		if err := c.Delete(ctx, img.ID); err != nil {
			return err
		}
	}
	return nil
}

// uploadNamed uploads an image, or continues with the record found, and gives it the
// name. It gives the decision that was made last. It sets the digest of the want. The
// error is errOvertaken if another run has made the image in the meantime.
func (c *Client) uploadNamed(ctx context.Context, w *Want, seen []Image, found *Image) (Image, Decision, error) {
	u := &upload{Client: c, want: *w}
	img, sum, err := u.stage(ctx, found)
	if err != nil {
		return Image{}, Decision{}, fmt.Errorf("upload image %q to cloud %q: %w", w.Name, c.cloud, err)
	}
	w.SHA512 = sum
	if w.OnSHA512 != nil {
		w.OnSHA512(sum)
	}
	seen = w.with(seen, u.around)
	for {
		d, err := Decide(ctx, *w, seen)
		if err == nil && d.Keep != nil {
			err = c.withdraw(ctx, img)
		}
		if err != nil {
			return img, d, err
		}
		if seen, err = c.renameToBackup(ctx, d.Old, seen); err != nil {
			return Image{}, d, err
		}
		// Another run waits only so long for this one to take the name: see quiet.
		if time.Since(u.looked) < c.patience/2 {
			break
		}
		u.looked = time.Now()
		if seen, err = c.lookAgain(ctx, *w, seen); err != nil {
			return Image{}, d, err
		}
	}
	if img, err = c.takeName(ctx, *w, img, sum); err != nil {
		return Image{}, Decision{}, err
	}
	d, err := c.settle(ctx, *w, img, seen)
	return img, d, err
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
	if _, err := c.renameToBackup(ctx, d.Old, nil); err != nil {
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

// renameToBackup gives images their backup names, also among the images seen. An image
// that another run has deleted in the meantime needs no other name.
func (c *Client) renameToBackup(ctx context.Context, old, seen []Image) ([]Image, error) {
	seen = slices.Clone(seen)
	for _, img := range old {
		if err := c.Rename(ctx, img.ID, Backup(img)); err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		for i := range seen {
			if seen[i].ID == img.ID {
				seen[i].Name = Backup(img)
			}
		}
	}
	return seen, nil
}
