package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry/manifests"
	"github.com/bayplan/bayplan/internal/registry/spool"
)

// An Image is one image of a list, with its source and its target.
type Image struct {
	Source string // host/repository:tag
	Target string // host/repository:tag
	Digest string // digest of Source; "": ask the registry
	Whole  string // digest of an image that Target was known to hold complete, "": none

	Refused error // why Source must not be asked; the image fails with it
}

// A Selection says what of the images is moved. The zero Selection is all that
// the manifests of an image name, and nothing else.
type Selection struct {
	Platforms  []string // os/architecture[/variant] of indexes; nil: all
	Signatures Signatures

	// Tags lists the tags of a repository at a source, HOST/NAME. nil: its registry is asked.
	Tags func(ctx context.Context, repository string) ([]string, error)
	// Owner is who plans. A plan takes the place of the owner's last one, unless that is
	// carried out.
	Owner string

	// Trust gives an error for an image that must not be copied, by its source's name and
	// digest, before anything more is read of it. nil: all may be.
	Trust func(ctx context.Context, source, digest string) error

	scratch *scratch
}

// A scratch is what all images share while a plan is made.
type scratch struct {
	lists    tagLists
	catalogs catalogs
	answers  blobAnswers
	packer   manifests.Packer
}

// A State says how far an image has come.
type State string

// The states of an image.
const (
	Unchanged State = "unchanged" // the target's tag stands for this image
	Copy      State = "copy"      // to be copied
	Copied    State = "copied"
	Failed    State = "failed"
)

// An ImagePlan is the plan for one image.
type ImagePlan struct {
	Image
	State State
	Have  string // digest of the target's tag before the transfer, "" for none
	Size  int64  // of all its blobs
	Blobs int    // the number of its blobs
	Err   error  // of a failed one

	Began   time.Time // when Execute began with its first blob or manifest
	Mounted int64     // bytes that Execute had the destination mount from another repository

	// If only some platforms are taken, the digest is not that of the source.
	Original string   // digest of the source's tag; "": Digest
	Kept     []string // platforms
	Of       int      // the number of platforms at the source

	want           *Selection
	like           *ImagePlan        // of the same source, planned before, or nil
	found          bool              // the source says that it is Digest
	top            manifest.Manifest // the manifest of the image, nil until it is read or made
	rewritten      bool              // top is new, and the source does not have it
	source, target ref.Ref
	attached       []attached
	puts           []put // children first, the image itself last
	parts          []part
	held           []part // blobs that the target's repository is known to have
}

// Attached counts the manifests that refer to the image and come with it:
// signatures, attestations, bills of materials.
func (e *ImagePlan) Attached() int { return len(e.attached) }

// A put is a manifest to put, by its digest or under a tag.
type put struct {
	manifests.Packed
	tag string
}

// A Blob is a blob that some image to copy needs, once per registry.
type Blob struct {
	Digest string
	Size   int64

	sources []*ref.Ref  // repositories that have it
	places  []*place    // repositories that need it, the home first
	want    *spool.Want // nil: the destination has it
}

func (b *Blob) desc() descriptor.Descriptor {
	return descriptor.Descriptor{MediaType: "application/octet-stream", Digest: digest.Digest(b.Digest), Size: b.Size}
}

// A place is a repository of the destination that needs a blob.
type place struct {
	repo    *ref.Ref
	entries []*ImagePlan
	present bool // it is there
}

// isNeeded says whether an image still waits for the blob there.
func (p *place) isNeeded() bool {
	return slices.ContainsFunc(p.entries, func(e *ImagePlan) bool { return e.State == Copy })
}

// isPresent says whether the registry has the blob in one of the places.
func (b *Blob) isPresent() bool {
	return slices.ContainsFunc(b.places, func(p *place) bool { return p.present })
}

// destination names the registry or layout that is to have the blob.
func (b *Blob) destination() string {
	for _, p := range b.places {
		if len(p.entries) > 0 {
			return destinationOf(*p.repo)
		}
	}
	return ""
}

// A TransferPlan is what is to be done for a list of images. Carrying it out
// changes it.
type TransferPlan struct {
	Images []*ImagePlan // in the order of the list
	Blobs  []*Blob      // largest first

	trusting bool // some blobs count as present because Image.Whole says so
	wants    *spool.Plan
}

// byDestination divides a plan by its destinations.
func (t *TransferPlan) byDestination() []*TransferPlan {
	var parts []*TransferPlan
	at := map[string]*TransferPlan{}
	of := func(name string) *TransferPlan {
		if at[name] == nil {
			at[name] = &TransferPlan{}
			parts = append(parts, at[name])
		}
		return at[name]
	}
	for _, e := range t.Images {
		part := of(destinationOf(e.target))
		part.Images = append(part.Images, e)
	}
	for _, b := range t.Blobs {
		part := of(b.destination())
		part.Blobs = append(part.Blobs, b)
	}
	return parts
}

// want notes which blobs the plan pulls.
func (t *TransferPlan) want(p *spool.Plan) {
	t.wants = p
	var pulls []*Blob
	var list []spool.Blob
	for _, b := range t.Blobs {
		if !b.isPresent() {
			pulls, list = append(pulls, b), append(list, spool.Blob{Digest: b.Digest, Size: b.Size})
		}
	}
	wants := p.Want(list)
	for i, b := range pulls {
		b.want = &wants[i]
	}
}

func (t *TransferPlan) dropWants() {
	for _, b := range t.Blobs {
		b.want.Drop()
	}
}

// A Summary counts the parts of a plan.
type Summary struct {
	Images, Unchanged, Copies, Failed int
	Blobs                             int   // to be pulled from the source
	Bytes                             int64 // of those
	Shared                            int   // blobs that another destination or step pulls
	SharedBytes                       int64
	Mounts                            int // of blobs that the destination then has
}

// Summary counts what is to be done.
func (t *TransferPlan) Summary() Summary {
	s := Summary{Images: len(t.Images)}
	for _, e := range t.Images {
		switch e.State {
		case Unchanged, Copied:
			s.Unchanged++
		case Failed:
			s.Failed++
		default:
			s.Copies++
		}
	}
	for _, b := range t.Blobs {
		missing := 0
		for _, p := range b.places {
			if !p.present {
				missing++
			}
		}
		if !b.isPresent() && missing > 0 {
			missing--
			if b.want.IsShared() {
				s.Shared++
				s.SharedBytes += b.Size
			} else {
				s.Blobs++
				s.Bytes += b.Size
			}
		}
		s.Mounts += missing
	}
	return s
}

// Pulls gives the number of bytes that are pulled for each image. A blob that
// several images need counts for the first, and one that another destination or step pulls for none.
func (t *TransferPlan) Pulls() map[*ImagePlan]int64 {
	pulls := map[*ImagePlan]int64{}
	for _, b := range t.Blobs {
		if !b.isPresent() && !b.want.IsShared() {
			pulls[b.places[0].entries[0]] += b.Size
		}
	}
	return pulls
}

// Misled says whether images may have failed because Image.Whole was wrong.
// Then a plan without it may succeed.
func (t *TransferPlan) Misled() bool {
	return t.trusting && slices.ContainsFunc(t.Images, func(e *ImagePlan) bool {
		var side *SideError
		return errors.As(e.Err, &side) && side.Side == destination && !fault.IsConnection(e.Err)
	})
}

// Err gives the errors of all failed images, one for each cause.
func (t *TransferPlan) Err() error {
	byCause := map[string][]*ImagePlan{}
	var causes []string
	for _, e := range t.Images {
		if e.Err == nil {
			continue
		}
		text := e.Err.Error()
		if byCause[text] == nil {
			causes = append(causes, text)
		}
		byCause[text] = append(byCause[text], e)
	}
	errs := make([]error, len(causes))
	for i, text := range causes {
		errs[i] = shared(byCause[text])
	}
	return fault.Join(errs...)
}

// shared is the error of images that failed for the same reason. With several, the
// reason comes first: the names may be long.
func shared(es []*ImagePlan) error {
	var names []string
	var problems []fault.Problem
	for _, e := range es {
		if !slices.Contains(names, e.Target) {
			names = append(names, e.Target)
			problems = append(problems, fault.Problem{Kind: "failed", What: "image", Name: e.Target, Source: e.Source})
		}
	}
	err := fmt.Errorf("%w, for %s", es[0].Err, human.Some(names, 2))
	if len(names) == 1 {
		err = fmt.Errorf("%s: %w", names[0], es[0].Err)
	}
	if fault.IsCancelled(err) {
		return err
	}
	return fault.WithProblems(err, problems...)
}

// A SideError says on which side an error occurred.
type SideError struct {
	Side string // "source" or "destination"
	Err  error
}

// Error names the side first.
func (e *SideError) Error() string { return e.Side + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *SideError) Unwrap() error { return e.Err }

const (
	source      = "source"
	destination = "destination"
)

// on adds the side to an error. A nil error stays nil, and a cancelled run is
// the fault of neither side.
func on(side string, err error) error {
	var done *SideError
	if err == nil || fault.IsCancelled(err) || errors.As(err, &done) {
		return err
	}
	return &SideError{side, err}
}
