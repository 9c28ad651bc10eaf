package glance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// errOvertaken says that another run has made the wanted image in the meantime.
var errOvertaken = errors.New("another run has uploaded the image at the same time")

// with gives the images seen, with those of the want's names as a later look shows them.
func (w Want) with(seen, around []Image) []Image {
	now := slices.DeleteFunc(slices.Clone(seen), func(i Image) bool {
		return slices.Contains(w.Names(), i.Name) || slices.ContainsFunc(around, func(a Image) bool { return a.ID == i.ID })
	})
	now = append(now, around...)
	oldestFirst(now)
	return now
}

// lookAgain lists the images with the names of the want, and gives the images seen as
// they are now.
func (c *Client) lookAgain(ctx context.Context, w Want, seen []Image) ([]Image, error) {
	around, err := c.List(ctx, w.Names()...)
	return w.with(seen, around), err
}

// withdraw deletes the own upload because an image of another run keeps the name. It
// always gives an error: errOvertaken if it was deleted.
func (c *Client) withdraw(ctx context.Context, own Image) error {
	if err := c.Delete(ctx, own.ID); err != nil {
		return err
	}
	return errOvertaken
}

// settle looks at the name again after the own image has taken it, and ends what other
// runs have done in the meantime: see Converge. Its error is errOvertaken if the image of
// another run keeps the name.
func (c *Client) settle(ctx context.Context, w Want, own Image, seen []Image) (Decision, error) {
	around, err := c.quiet(ctx, w, own)
	if err != nil {
		return Decision{}, err
	}
	seen = w.with(seen, around)
	if newer := rivals(w, own, seen); len(newer) > 0 {
		if _, err := c.renameToBackup(ctx, []Image{own}, nil); err != nil {
			return Decision{}, err
		}
		return Decision{}, lostName(c, w, newer[0].ID)
	}
	d, err := Decide(ctx, w, seen)
	switch {
	case err != nil:
		return d, err
	case d.Keep == nil:
		return d, lostName(c, w, own.ID)
	case d.Keep.ID != own.ID:
		return d, c.withdraw(ctx, own)
	}
	_, err = c.renameToBackup(ctx, d.Old, nil)
	return d, err
}

// rivals gives the images with the name that runs of other contents have made after the
// own one. The newest of them keeps the name.
func rivals(w Want, own Image, seen []Image) (newer []Image) {
	content := own.Properties[Marker]
	for _, img := range seen {
		if img.Name == w.Name && img.Status == Active && img.ours() && img.Properties[Marker] != content && byAge(img, own) > 0 {
			newer = append(newer, img)
		}
	}
	return newer
}

func lostName(c *Client, w Want, id string) error {
	err := fmt.Errorf("another run gives the name %q to other content in cloud %q at the same time (image %s)", w.Name, c.cloud, id)
	return fault.WithHint(err, "both runs upload to this cloud; apply the one plan again whose image is to have the name")
}

// namingTime is how long a run may take from a complete record to its name. Records that
// are complete for longer are those of dead runs.
const namingTime = 5 * time.Minute

// quiet looks at the names of the want until no other run is about to take the name.
func (c *Client) quiet(ctx context.Context, w Want, own Image) ([]Image, error) {
	wait := min(c.pause, 100*time.Millisecond)
	for over := time.Now().Add(c.patience); ; wait = min(2*wait, c.pause) {
		around, err := c.List(ctx, w.Names()...)
		about := slices.ContainsFunc(around, func(i Image) bool { return w.takesNameSoon(i, own) })
		if err != nil || !about || !time.Now().Before(over) {
			return around, err
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// takesNameSoon reports whether an image is the complete record of another run, which has
// no name yet. It compares two times of the cloud, so the clock of this host has no part.
func (w Want) takesNameSoon(img, own Image) bool {
	if img.Name != w.StagingName() || img.Status != Active || !img.ours() || img.ID == own.ID || img.Properties[Run] == w.Owner {
		return false
	}
	theirs, ok := imageTime(img.UpdatedAt)
	now, known := imageTime(own.UpdatedAt)
	return !ok || !known || now.Sub(theirs) < namingTime
}
