package runner

import (
	"path/filepath"

	"github.com/bayplan/bayplan/plan"
)

// An Expecter is a Step that knows from its configuration which things must be there that
// it does not make. `bayplan rehearse` asks it and makes small ones of their kind, where
// neither the plan's folder nor another step has them. References are resolved as far as
// other steps foresee their outputs.
type Expecter interface{ Expects() []Expected }

// A Foreseer is a Step that knows some of its outputs from its configuration alone. Those
// that only a run knows are left out.
type Foreseer interface{ Foresee() Outputs }

// A Rehearser is a Step that has settings which no rehearsal can follow, such as the owner
// of a file, or which say what something must be that is stood in for. Rehearse is called
// after decoding, changes them, and says what it has left out, each in a few words that
// begin with the setting's name.
type Rehearser interface{ Rehearse(r Rehearsal) []string }

// A Rehearsal is what a step knows of the world of a rehearsal.
type Rehearsal interface {
	// StandIn gives the digests of what stands in for a file or for what is at an
	// address, lower-case hex by algorithm. ok is false if nothing stands in for it.
	StandIn(pathOrURL string) (sums map[Algo]string, ok bool)
	// Meaning gives what a reference or an address in a file means there: see World.
	Meaning(text string) string
	// Waived reports whether a digest is one of the Pins of an Expected.
	Waived(digest string) bool
}

// A rehearsed is the disk as steps see it in a rehearsal.
type rehearsed struct {
	World
	rehearsal Rehearsal
}

func (d rehearsed) Meaning(text string) string { return d.rehearsal.Meaning(text) }

// An Expected is a thing that a step expects to be there.
type Expected struct {
	Kind  Kind
	Field string // the field of the configuration that names it

	Path string // absolute; "" if it is not on the disk, or not known yet
	// URL is the address of what a web server has, or of an artifact in a registry or a layout:
	// oci://HOST/NAME:TAG or oci:LAYOUT:NAME:TAG, with #TITLE behind it for one of its files.
	URL string

	// To is the file that the step makes of it, and Into the directory that the step
	// unpacks it into: what other steps expect there has to come from it.
	To, Into string

	// Names are what must be in it: the files of an archive, patterns of the files of a
	// package, the files that a boot script loads, the labels of images. Of tags they are
	// expressions that some tags must match.
	Names []string
	// Format is the disk format of a file, the name of a package, the release of a file
	// of roles.
	Format string
	// Pins are digests that the configuration demands of it, in hex.
	Pins []string
	// For are the names of other things: the file whose checksum or signature it is (a
	// URL), the images that a key has to prove (a pattern), the directory that a web
	// server serves, the repository whose tags are listed.
	For string
	// As is the name that For has in it: in a list of checksums, in a signature.
	As string
	// Identity is who has signed the images For, a pattern, and Issuer who vouches for that.
	Identity, Issuer string
	// Signed says of a layout that its table of pieces has a signature.
	Signed bool
}

// A Kind is what a thing is that a step expects.
type Kind string

// All kinds.
const (
	ExpectFile       Kind = "file"        // of any content, or a disk image of Format
	ExpectArchive    Kind = "archive"     // a tar archive
	ExpectPackage    Kind = "package"     // an RPM package, or a repository at URL
	ExpectDirectory  Kind = "directory"   // in which the step makes files
	ExpectBootScript Kind = "boot script" // of iPXE
	ExpectServed     Kind = "served"      // a directory, For, that a web server serves at URL

	ExpectImageList    Kind = "list of images"
	ExpectEnvironment  Kind = "environment" // a file of Heat
	ExpectEnvironments Kind = "directory of environments"
	ExpectRoles        Kind = "roles file"
	ExpectTree         Kind = "template tree" // the directory of Heat's templates
	ExpectTemplate     Kind = "template"      // of a list of images
	ExpectLayout       Kind = "layout"        // of images, a directory or a tar archive

	ExpectChecksums Kind = "checksums" // a list at URL that has the digest of For
	ExpectSignature Kind = "signature" // at URL, of For
	ExpectKeyring   Kind = "keyring"   // OpenPGP keys

	ExpectImageKey  Kind = "key"         // of cosign, which proves the images For
	ExpectImagePGP  Kind = "OpenPGP key" // which proves the images For, by signatures at URL
	ExpectTrustRoot Kind = "trusted root"

	ExpectMediaSecret Kind = "minisign secret key" // which signs layouts
	ExpectMediaPublic Kind = "minisign public key" // which proves layouts
	ExpectReceipt     Kind = "receipt"             // of what a destination holds

	ExpectLabels    Kind = "labels"    // that images must have
	ExpectTags      Kind = "tags"      // of the repository For
	ExpectPlatforms Kind = "platforms" // that images must have
	ExpectSigned    Kind = "signed"    // images must have signatures
)

// StandInTag is the tag of what stands in for an artifact that a plan names by its digest
// alone.
const StandInTag = "stand-in"

// An Expectation is a thing that a step of a plan expects.
type Expectation struct {
	Node *Node
	Expected
}

// A Touched is a step with the paths and places that it touches, and the step itself.
type Touched struct {
	Node *Node
	Step Step
	Paths
}

// Foresee decodes the steps in an order in which each comes after those that it waits for.
// References get the outputs that earlier steps foresee; others are left unresolved.
func (g *Graph) Foresee() []Touched {
	foreseen := map[string]Outputs{}
	look := func(ref plan.Ref) plan.Value {
		if v, ok := foreseen[ref.Step][ref.Output]; ok {
			return v
		}
		return plan.Later("after " + ref.Step)
	}
	var all []Touched
	for _, n := range g.order {
		if t, ok := g.touched(n, look); ok {
			if f, ok := t.Step.(Foreseer); ok {
				foreseen[n.ID()] = f.Foresee()
			}
			all = append(all, t)
		}
	}
	return all
}

// Off decodes the steps that are off. References are left unresolved.
func (g *Graph) Off() []Touched {
	var all []Touched
	for _, n := range g.off {
		if t, ok := g.touched(n, nil); ok {
			all = append(all, t)
		}
	}
	return all
}

// touched decodes a step. ok is false if references that are resolved later may mend it.
func (g *Graph) touched(n *Node, look plan.Lookup) (t Touched, ok bool) {
	t = Touched{Node: n, Step: g.newStep(n)}
	if len(n.Step.With.Decode(t.Step, look)) > 0 {
		return t, false
	}
	if p, ok := t.Step.(Pather); ok {
		t.Paths = p.Paths()
		t.Reads, t.Writes, t.Into, t.Makes = cleaned(t.Reads), cleaned(t.Writes), cleaned(t.Into), cleaned(t.Makes)
	}
	return t, true
}

// Expectations gives what the steps expect to be there, in their order.
func Expectations(steps []Touched) []Expectation {
	var all []Expectation
	for _, t := range steps {
		e, ok := t.Step.(Expecter)
		if !ok {
			continue
		}
		for _, x := range e.Expects() {
			for _, path := range []*string{&x.Path, &x.To, &x.Into} {
				if *path != "" {
					*path = filepath.Clean(*path)
				}
			}
			all = append(all, Expectation{t.Node, x})
		}
	}
	return all
}
