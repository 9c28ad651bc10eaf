package glance

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Marker is a property of every image that this package makes: the digest of its
// content. It distinguishes our own leftovers from images that others are making.
const Marker = "bayplan_upload"

// pending is the value of Marker while the content is sent whose digest is not known.
const pending = "pending"

// Run is a property of every image that this package makes: the Owner of the client that
// made its record. It distinguishes what an earlier run of ours has left from what
// another run may be uploading at this moment.
const Run = "bayplan_run"

// Source is a property of an image that was converted during the upload: the digest of
// the file from which it was made.
const Source = "bayplan_source"

// A File is an open file to upload.
type File interface {
	io.ReaderAt
	io.Closer
}

// A Want is an image that the cloud must have.
type Want struct {
	Name            string
	DiskFormat      string
	ContainerFormat string
	Visibility      string

	MinDisk int // GiB of disk that a machine needs; 0: not set
	MinRAM  int // MiB of memory that a machine needs; 0: not set

	// Properties are those that the image must have; it may have others. An empty value
	// is not known yet. Converge needs all values.
	Properties map[string]string

	// Owner is the Owner of the client that looks and uploads.
	Owner string

	Size int64

	// SHA512 is the digest of the content, lower-case hex. If it is "", Sum gives it when
	// an image must be compared; otherwise it is computed while the content is sent.
	SHA512 string

	// Source is the digest of the file from which the content is converted; "" if the
	// content is the file itself. With Source, SHA512 may be unknown: an image that was
	// made from that file has the digest in its property Source.
	Source string

	// Sum gives a digest of the content.
	Sum func(ctx context.Context, algo string) (string, error)

	// Replace deletes images that had the name before, except the newest Keep of them.
	// It deletes only images whose name is NAME_TIME with their own creation time, and
	// no protected ones.
	Replace bool
	Keep    int

	// Open opens the content, for Converge.
	Open func() (File, error)

	// OnSHA512 is called with the SHA-512 of the content after all of it was sent; may be
	// nil.
	OnSHA512 func(sha512 string)

	// OnTwin is called with the image that keeps the name, when another run has uploaded
	// the same content at the same time and the own upload was deleted; may be nil.
	OnTwin func(kept Image)

	// OnSent is called with the number of bytes as they are sent; may be nil.
	OnSent func(n int64)
}

// StagingName is the name of the image until it is complete. Until then only the old
// image is found under the wanted name.
func (w Want) StagingName() string { return w.Name + ".bayplan-upload" }

// Names gives the names to List before Decide.
func (w Want) Names() []string { return []string{w.Name, w.StagingName()} }

func (w Want) marker() string {
	if w.SHA512 == "" {
		return pending
	}
	return "sha512:" + w.SHA512
}

// withDigest gives the want with the digest of its content, if there is an image to
// compare it with.
func (w Want) withDigest(ctx context.Context, seen []Image) (Want, error) {
	if w.SHA512 != "" || w.Source != "" {
		return w, nil
	}
	if !slices.ContainsFunc(seen, func(i Image) bool { return i.Name == w.Name || w.mayTakeOver(i) }) {
		return w, nil
	}
	sum, err := w.Sum(ctx, "sha512")
	w.SHA512 = sum
	return w, err
}

// A Decision is what must be done so that the cloud has a wanted image. The zero value is
// an upload.
type Decision struct {
	Keep          *Image            // the image with the name that has the content; nil: none has
	SetProperties map[string]string // properties of Keep that must be set
	SetVisibility bool              // the visibility of Keep must be set
	SetMinimums   bool              // the minimum disk and memory of Keep must be set
	MD5Only       bool              // the content of Keep was compared by MD5 only
	Staged        *Image            // an interrupted upload that can be continued
	Old           []Image           // images that must give up the name
	Leftover      []Image           // records of interrupted uploads that are of no use
	Foreign       []Image           // records into which another run may be uploading: they are left alone
	Delete        []Image           // images that had the name before, or give it up now, and must be deleted
	Reason        string            // why an image with the name cannot stay
}

// Done reports whether there is nothing to do.
func (d Decision) Done() bool {
	return d.Keep != nil && len(d.SetProperties) == 0 && !d.SetVisibility && !d.SetMinimums &&
		len(d.Old) == 0 && len(d.Leftover) == 0 && len(d.Delete) == 0
}

// Decide compares a want with the images seen and says what must be done. It needs the
// images that List gives for the want's Names, or with Replace those of ListAll. Other
// images are ignored.
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

// hasStrongDigest reports whether the cloud gives a digest that cannot be forged.
func hasStrongDigest(img Image) bool {
	return img.Hash != "" && newHash(img.HashAlgo) != nil && img.HashAlgo != "md5"
}

// findSurplus finds the images that had the name before and must be deleted.
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

// differs says how an active image differs from the want; "" if it does not. The disk
// format is compared, because it decides how the image is unpacked. The container format
// is not: it has no effect, and kernels of other tools often have "aki" there.
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

// differsFromSource is differs for a converted image. Its properties name the file from
// which it was made, and the digest that its content had then.
func (w Want) differsFromSource(img Image) string {
	marked := img.Properties[Marker]
	switch {
	case img.Properties[Source] != w.Source, marked == pending, marked == "":
		return "its content differs"
	case img.HashAlgo == "sha512" && marked != "sha512:"+img.Hash:
		return "its content has changed since the upload"
	}
	return ""
}

// otherSums gives the digests to compare if the cloud has no SHA-512 of the image.
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

// Backup gives the name that an image gets when another image takes its name: the name
// and the creation time. It is written as director's image upload writes it, which also
// cuts zeros off its end.
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
