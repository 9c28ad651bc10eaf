package glance

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// Marker is the property that every image made here carries: the digest of
// the content that it is for. It tells our own leftovers from the images that
// others are making at this moment.
const Marker = "bayplan_upload"

// A File is an open file to upload.
type File interface {
	io.ReaderAt
	io.Closer
}

// A Want is an image that is to be in the cloud.
type Want struct {
	Name            string
	DiskFormat      string
	ContainerFormat string
	Visibility      string

	// Properties the image must have, besides any others. An empty value is
	// one that is not known yet; Settle needs them all.
	Properties map[string]string

	Size   int64
	SHA512 string // of the content, lower-case hex

	// Sum gives another digest of the content, for a cloud that computes no
	// SHA-512. It is only called then.
	Sum func(ctx context.Context, algo string) (string, error)

	// Open opens the content, for Settle.
	Open func() (File, error)

	// Sent is told of bytes as they are sent; nil: nobody asks.
	Sent func(n int64)
}

// Staging is the name that the image bears until it is whole. Whoever asks for
// the image by name meanwhile finds the old one, and only that.
func (w Want) Staging() string { return w.Name + ".bayplan-upload" }

// Names are all the names to List before Decide.
func (w Want) Names() []string { return []string{w.Name, w.Staging()} }

func (w Want) marker() string { return "sha512:" + w.SHA512 }

// A Decision is what there is to do so that a Want is fulfilled. Its zero
// value is an upload.
type Decision struct {
	Keep    *Image            // the image of that name that has the content; nil: there is none
	Fix     map[string]string // properties of Keep to set
	Show    bool              // the visibility of Keep is another than wanted
	Staged  *Image            // an upload that was interrupted and can be gone on with
	Old     []Image           // images that must give up the name
	Remnant []Image           // leftovers of ours that are of no use
	Why     string            // why what has the name cannot stay
}

// Done says that there is nothing to do.
func (d Decision) Done() bool {
	return d.Keep != nil && len(d.Fix) == 0 && !d.Show && len(d.Old) == 0 && len(d.Remnant) == 0
}

// Decide says what to do about the images seen: those that List gives for the
// want's Names, and perhaps others.
func Decide(ctx context.Context, w Want, seen []Image) (Decision, error) {
	var d Decision
	if err := d.name(ctx, w, seen); err != nil {
		return Decision{}, err
	}
	if d.Keep != nil {
		for key, value := range w.Properties {
			if value == "" || d.Keep.Properties[key] != value {
				d.Fix = with(d.Fix, key, value)
			}
		}
		d.Show = w.Visibility != "" && d.Keep.Visibility != w.Visibility
	}
	d.stage(w, seen)
	return d, nil
}

// name looks at the images that have the wanted name.
func (d *Decision) name(ctx context.Context, w Want, seen []Image) error {
	var active, right []Image
	for _, img := range seen {
		switch {
		case img.Name != w.Name:
		case img.Status != Active:
			d.Old = append(d.Old, img)
			d.Why = "it is " + img.Status
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
				d.Why = why
			}
		}
	}
	// Of two images, one made here for this very content says by itself which
	// of them is meant. Everything else would be a guess.
	if len(active) > 1 && (len(active) > 2 || len(right) != 1 || right[0].Properties[Marker] != w.marker()) {
		return duplicate(w.Name, active)
	}
	if len(right) == 1 {
		d.Keep = &right[0]
	}
	return nil
}

func duplicate(name string, active []Image) error {
	ids := make([]string, len(active))
	for i, img := range active {
		ids[i] = img.ID + " (of " + img.CreatedAt + ")"
	}
	return fault.WithHint(fmt.Errorf("%d active images are named %q: %s", len(active), name, strings.Join(ids, ", ")),
		"rename or delete all but the one that nodes are to use: openstack image set --name OTHER ID")
}

// differs says in what way an active image is not what is wanted, and is ""
// when it is. The disk format counts: whoever unpacks the image goes by it.
// The container format does not: kernels that others uploaded are often called
// "aki" there, and nobody goes by it.
func (w Want) differs(ctx context.Context, img Image) (string, error) {
	switch {
	case img.Size != w.Size:
		return "its content differs", nil
	case img.DiskFormat != w.DiskFormat:
		return fmt.Sprintf("its disk format is %s, not %s", img.DiskFormat, w.DiskFormat), nil
	}
	stored, sum := img.Hash, w.SHA512
	if img.HashAlgo != "sha512" || stored == "" {
		var err error
		if stored, sum, err = w.otherSums(ctx, img); err != nil {
			return "", err
		}
	}
	if stored == "" || stored != sum {
		return "its content differs", nil
	}
	return "", nil
}

// otherSums gives the digests to compare where the cloud has no SHA-512.
func (w Want) otherSums(ctx context.Context, img Image) (stored, sum string, err error) {
	algo, stored := img.HashAlgo, img.Hash
	if algo != "sha256" || stored == "" {
		algo, stored = "md5", img.MD5
	}
	if stored == "" {
		return "", "", nil
	}
	sum, err = w.Sum(ctx, algo)
	return stored, sum, err
}

// stage looks at what interrupted uploads of ours have left.
func (d *Decision) stage(w Want, seen []Image) {
	for _, img := range seen {
		mark, ours := img.Properties[Marker]
		if img.Name != w.Staging() || !ours {
			continue
		}
		useful := d.Keep == nil && mark == w.marker() && w.fits(img)
		switch {
		case useful && d.Staged == nil:
			d.Staged = &img
		case useful && rank(img) > rank(*d.Staged):
			d.Remnant = append(d.Remnant, *d.Staged)
			d.Staged = &img
		default:
			d.Remnant = append(d.Remnant, img)
		}
	}
}

// fits says whether a record of ours can become the image.
func (w Want) fits(img Image) bool {
	return rank(img) > 0 && img.DiskFormat == w.DiskFormat && img.ContainerFormat == w.ContainerFormat &&
		(img.Visibility == w.Visibility || w.Visibility == "") &&
		(img.Status != Active || img.Size == w.Size && (img.HashAlgo != "sha512" || img.Hash == w.SHA512))
}

// rank says how far a record is on its way; 0 is one of no use.
func rank(img Image) int { return slices.Index([]string{"", Saving, Queued, Active}, img.Status) }

// Backup is the name that an image gets when another takes its own: name and
// creation time, written as director's image upload writes it, down to the
// zeros that it loses at the end.
func Backup(img Image) string {
	stamp := strings.NewReplacer("-", "", ":", "", ".", "").Replace(img.CreatedAt)
	return img.Name + "_" + strings.TrimRight(stamp, "0")
}

func with(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}
