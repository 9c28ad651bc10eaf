package glance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// abandonedAfter is the age at which an unfinished upload of another run counts as
// abandoned. It is far longer than an upload takes, because the data of an image that is
// being uploaded do not change its time.
const abandonedAfter = 24 * time.Hour

// compareNamed compares the images that have the wanted name with the want.
func (d *Decision) compareNamed(ctx context.Context, w Want, seen []Image) error {
	var active, right []Image
	for _, img := range seen {
		switch {
		case img.Name != w.Name:
		case img.Status != Active:
			d.Old = append(d.Old, img)
			d.Reason = "it is " + img.Status
		default:
			active = append(active, img)
			why, err := w.differs(ctx, img)
			if err != nil {
				return err
			}
			if why == "" {
				right = append(right, img)
			} else {
				d.Old = append(d.Old, img)
				d.Reason = why
			}
		}
	}
	if len(right) > 0 {
		keep := keeps(right)
		d.Keep = &keep
		d.Old = append(d.Old, slices.DeleteFunc(slices.Clone(right), func(i Image) bool { return i.ID == keep.ID })...)
	}
	if len(active) > 1 && !d.mayDecide(active, right) {
		return duplicateError(w.Name, active)
	}
	return nil
}

// keeps gives the one of several images with the wanted content that keeps the name.
// Every run must choose the same one. An image that others made is not ours to rename,
// so it comes first. Among those of this package the oldest stays.
func keeps(right []Image) Image {
	right = slices.Clone(right)
	slices.SortStableFunc(right, func(a, b Image) int {
		if a.ours() != b.ours() {
			if b.ours() {
				return -1
			}
			return 1
		}
		return byAge(a, b)
	})
	return right[0]
}

// mayDecide reports whether it is certain which of several active images with the name
// is meant. Two runs at the same time, or a run that was killed, can leave several images
// of this package, so those may give up the name. Beside an image of others that has the
// content, only copies of it may: nobody knows why the name was given to other content.
// And one image of others may give up the name to the image that this package made for
// the content. Anything else would be a guess.
func (d *Decision) mayDecide(active, right []Image) bool {
	keepsOurs := d.Keep == nil || d.Keep.ours()
	foreign := 0
	for _, img := range active {
		if !img.ours() {
			foreign++
		}
	}
	switch {
	case foreign == 0:
		return true
	case foreign > 1:
		return false
	case !keepsOurs:
		return len(active) == len(right)
	}
	return d.Keep != nil && len(active) == 2
}

// ours reports whether this package made the image.
func (i Image) ours() bool {
	mark := i.Properties[Marker]
	return mark == pending || strings.HasPrefix(mark, "sha512:")
}

func duplicateError(name string, active []Image) error {
	ids := make([]string, len(active))
	for i, img := range active {
		ids[i] = img.ID + " (of " + img.CreatedAt + ")"
	}
	return fault.WithHint(fmt.Errorf("%d active images are named %q: %s", len(active), name, strings.Join(ids, ", ")),
		"rename or delete all but the one that nodes are to use: openstack image set --name OTHER ID")
}

// findStaged finds what interrupted uploads have left: the record that is the furthest,
// and leftovers. It also finds the records of other runs.
func (d *Decision) findStaged(w Want, seen []Image) {
	for _, img := range seen {
		if img.Name != w.StagingName() || img.Properties[Marker] == "" {
			continue
		}
		if !w.mayTakeOver(img) {
			d.Foreign = append(d.Foreign, img)
			continue
		}
		mark := img.Properties[Marker]
		useful := d.Keep == nil && (mark == w.marker() || mark == pending) && w.canUse(img)
		switch {
		case useful && d.Staged == nil:
			d.Staged = &img
		case useful && rank(img) > rank(*d.Staged):
			d.Leftover = append(d.Leftover, *d.Staged)
			d.Staged = &img
		default:
			d.Leftover = append(d.Leftover, img)
		}
	}
}

// mayTakeOver reports whether a record under the staging name is certainly not in use:
// an earlier run of the same owner made it, or it is so old that its run is dead.
func (w Want) mayTakeOver(img Image) bool {
	if img.Name != w.StagingName() || img.Properties[Marker] == "" {
		return false
	}
	if img.Properties[Run] == w.Owner {
		return true
	}
	changed, ok := imageTime(img.UpdatedAt)
	return ok && time.Since(changed) > abandonedAfter
}

// imageTime reads a time of the image service, which some versions write without a zone.
func imageTime(text string) (time.Time, bool) {
	t, err := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(text, "Z"))
	return t, err == nil
}

// canUse reports whether a record of ours can become the image.
func (w Want) canUse(img Image) bool {
	return img.Properties[Run] == w.Owner && rank(img) > 0 && img.DiskFormat == w.DiskFormat && img.ContainerFormat == w.ContainerFormat &&
		(img.Visibility == w.Visibility || w.Visibility == "") && img.MinDisk == w.MinDisk && img.MinRAM == w.MinRAM &&
		img.Properties[Source] == w.Source && (img.Status != Active || w.hasContent(img))
}

// hasContent reports whether an active image of ours has the content. Without a digest
// the answer is no: the run that sent the content may have been killed before it compared
// the image.
func (w Want) hasContent(img Image) bool {
	return w.SHA512 != "" && img.Size == w.Size && (img.HashAlgo != "sha512" || img.Hash == w.SHA512)
}

// rank says how far an upload into a record has come; 0: the record is of no use.
func rank(img Image) int { return slices.Index([]string{"", Saving, Queued, Active}, img.Status) }
