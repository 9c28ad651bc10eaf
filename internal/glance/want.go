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

// pending is the marker of an image whose content is hashed while it is sent.
const pending = "pending"

// Source is the property of an image that was converted on its way into the
// cloud: the digest of the file that it was made of.
const Source = "bayplan_source"

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

	MinDisk int // GiB of disk that a machine needs; 0: none is asked for
	MinRAM  int // MiB of memory

	// Properties the image must have, besides any others. An empty value is
	// one that is not known yet; Converge needs them all.
	Properties map[string]string

	Size int64

	// SHA512 is that of the content, lower-case hex. Where it is "", it is
	// asked of Sum when there is something to compare, and otherwise found out
	// while the content is sent.
	SHA512 string

	// Source is the digest of the file of which the content is made, where it
	// is not the file itself. Then the SHA512 need not be known: an image that
	// was made here of that file says so itself.
	Source string

	// Sum gives a digest of the content.
	Sum func(ctx context.Context, algo string) (string, error)

	// Replace lets images go that had the name before, all but the newest
	// Keep of them. Only those go that are called NAME_TIME by their own time,
	// and none that somebody protects.
	Replace bool
	Keep    int

	// Open opens the content, for Converge.
	Open func() (File, error)

	// Learned is told of the content's SHA-512 once all of it was sent; nil:
	// nobody asks.
	OnSHA512 func(sha512 string)

	// Sent is told of bytes as they are sent; nil: nobody asks.
	OnSent func(n int64)
}

// StagingName is the name that the image bears until it is whole. Whoever asks for
// the image by name meanwhile finds the old one, and only that.
func (w Want) StagingName() string { return w.Name + ".bayplan-upload" }

// Names are all the names to List before Decide.
func (w Want) Names() []string { return []string{w.Name, w.StagingName()} }

func (w Want) marker() string {
	if w.SHA512 == "" {
		return pending
	}
	return "sha512:" + w.SHA512
}

// withDigest gives the want with the digest of its content, if there is any
// image to compare it with.
func (w Want) withDigest(ctx context.Context, seen []Image) (Want, error) {
	if w.SHA512 != "" || w.Source != "" {
		return w, nil
	}
	if !slices.ContainsFunc(seen, func(i Image) bool { return slices.Contains(w.Names(), i.Name) }) {
		return w, nil
	}
	sum, err := w.Sum(ctx, "sha512")
	w.SHA512 = sum
	return w, err
}

// A Decision is what there is to do so that a Want is fulfilled. Its zero
// value is an upload.
type Decision struct {
	Keep          *Image            // the image of that name that has the content; nil: there is none
	SetProperties map[string]string // properties of Keep to set
	SetVisibility bool              // the visibility of Keep is another than wanted
	SetMinimums   bool              // what Keep says that a machine needs is another than wanted
	MD5Only       bool              // that Keep has the content is known by MD5 only
	Staged        *Image            // an upload that was interrupted and can be gone on with
	Old           []Image           // images that must give up the name
	Leftover      []Image           // leftovers of ours that are of no use
	Delete        []Image           // images that had the name before, or give it up now, and are to go
	Reason        string            // why what has the name cannot stay
}

// Done says that there is nothing to do.
func (d Decision) Done() bool {
	return d.Keep != nil && len(d.SetProperties) == 0 && !d.SetVisibility && !d.SetMinimums &&
		len(d.Old) == 0 && len(d.Leftover) == 0 && len(d.Delete) == 0
}

// Decide says what to do about the images seen: those that List gives for the
// want's Names, and perhaps others; with Replace all that there are.
func Decide(ctx context.Context, w Want, seen []Image) (Decision, error) {
	w, err := w.withDigest(ctx, seen)
	if err != nil {
		return Decision{}, err
	}
	var d Decision
	if err := d.compareNamed(ctx, w, seen); err != nil {
		return Decision{}, err
	}
	if d.Keep != nil {
		for key, value := range w.Properties {
			if value == "" || d.Keep.Properties[key] != value {
				d.SetProperties = withEntry(d.SetProperties, key, value)
			}
		}
		d.SetVisibility = w.Visibility != "" && d.Keep.Visibility != w.Visibility
		d.SetMinimums = w.MinDisk != 0 && d.Keep.MinDisk != w.MinDisk || w.MinRAM != 0 && d.Keep.MinRAM != w.MinRAM
		d.MD5Only = w.Source == "" && !hasStrongDigest(*d.Keep)
	}
	d.findStaged(w, seen)
	if w.Replace {
		d.findSurplus(w, seen)
	}
	return d, nil
}

// hasStrongDigest says whether the cloud gives a digest that nobody can forge.
func hasStrongDigest(img Image) bool {
	return img.Hash != "" && newHash(img.HashAlgo) != nil && img.HashAlgo != "md5"
}

// findSurplus finds the images that had the name before and are too many.
func (d *Decision) findSurplus(w Want, seen []Image) {
	var before []Image
	for _, img := range seen {
		named := img
		named.Name = w.Name
		leaving := slices.ContainsFunc(d.Old, func(o Image) bool { return o.ID == img.ID })
		if img.Status == Active && !img.Protected && (leaving || img.Name == Backup(named)) {
			before = append(before, img)
		}
	}
	oldestFirst(before)
	d.Delete = before[:max(0, len(before)-w.Keep)]
}

// compareNamed looks at the images that have the wanted name.
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
	// Of two images, one made here for this very content says by itself which
	// of them is meant. Everything else would be a guess.
	if len(active) > 1 && (len(active) > 2 || len(right) != 1 || right[0].Properties[Marker] != w.marker()) {
		return duplicateError(w.Name, active)
	}
	if len(right) == 1 {
		d.Keep = &right[0]
	}
	return nil
}

func duplicateError(name string, active []Image) error {
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
	if w.Source != "" {
		return w.differsFromSource(img), nil
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

// differsFromSource is about an image that was converted: it names the file of
// which it was made, and the digest that it was seen to have then.
func (w Want) differsFromSource(img Image) string {
	marked := img.Properties[Marker]
	switch {
	case img.Properties[Source] != w.Source, marked == pending, marked == "":
		return "its content differs"
	case img.HashAlgo == "sha512" && marked != "sha512:"+img.Hash:
		return "its content is not what it was made with"
	}
	return ""
}

// otherSums gives the digests to compare where the cloud has no SHA-512.
func (w Want) otherSums(ctx context.Context, img Image) (stored, sum string, err error) {
	algo, stored := img.HashAlgo, img.Hash
	if !hasStrongDigest(img) {
		algo, stored = "md5", img.MD5
	}
	if stored == "" {
		return "", "", nil
	}
	sum, err = w.Sum(ctx, algo)
	return stored, sum, err
}

// findStaged looks at what interrupted uploads of ours have left.
func (d *Decision) findStaged(w Want, seen []Image) {
	for _, img := range seen {
		mark, ours := img.Properties[Marker]
		if img.Name != w.StagingName() || !ours {
			continue
		}
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

// canUse says whether a record of ours can become the image.
func (w Want) canUse(img Image) bool {
	return rank(img) > 0 && img.DiskFormat == w.DiskFormat && img.ContainerFormat == w.ContainerFormat &&
		(img.Visibility == w.Visibility || w.Visibility == "") && img.MinDisk == w.MinDisk && img.MinRAM == w.MinRAM &&
		img.Properties[Source] == w.Source && (img.Status != Active || w.hasContent(img))
}

// hasContent says whether a whole image of ours has the content. What was sent by a
// run that was killed before it could compare is only known by its digest.
func (w Want) hasContent(img Image) bool {
	return w.SHA512 != "" && img.Size == w.Size && (img.HashAlgo != "sha512" || img.Hash == w.SHA512)
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

func withEntry(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}
