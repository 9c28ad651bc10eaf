package runner

import (
	"context"
	"io"
	"io/fs"
	"time"

	"github.com/bayplan/bayplan/internal/hostdisk"
	"github.com/bayplan/bayplan/plan"
)

// A Step is one unit of work with its configuration. The struct that implements
// it is the configuration: its exported fields with json tags stand under "with"
// in a plan. A tag without omitempty makes a field required, and the doc comments
// become the schema and the text of `bayplan explain`.
//
// Before any run, Check makes a Step with its Type's New, calls Sign, decodes the
// configuration with its references still unresolved, and calls Validate. It does
// the same with another Step to call Paths. It drops both.
//
// For each attempt of a step in a run, the runner makes a new Step with New, calls
// Sign, decodes the configuration with every reference resolved, and calls
// Validate. A mistake fails the step. Then
//
//   - a diff calls Inputs, then Diff;
//   - an apply calls BeforeApply, Inputs and Diff. If Diff returned a Change, it
//     calls the Change's Apply, and then Verify, unless Apply returned outputs;
//   - a verify calls Verify only;
//   - a resolve calls Resolve only, and only if the step is a Resolver.
//
// In a diff and an apply, the runner calls Inputs once more if an input had no
// digest the first time: right after Diff if there is no Change, otherwise, in an
// apply, after Apply and Verify. Sign, Validate, Paths and BeforeApply are called
// only if the step has them. A diff does not make a step whose references have
// no value yet, nor a check after a step that would change something.
//
// The runner calls the methods of one Step one after the other. Other Steps, also
// of the same type, run at the same time. A Step may keep from one call to the next
// what it has read, so that it reads it once. But it must not tell Verify what
// Apply did: Verify looks at the result in the world.
//
// When an attempt fails because of a connection (fault.IsConnection) and the plan
// allows a retry, the next attempt begins anew with New: the failed Step is
// dropped, and the world stays as it left it. A timeout counts for each attempt.
// When ctx ends, every call must return soon. A panic becomes the attempt's error.
//
// When a step succeeds in an apply, the state keeps a Record of it, which Diff gets
// as prior in later runs. Diff gets nil if the step now has another type, or if a
// verify has found since that the step is not as wanted. If a run since then failed
// with an IncompleteError, prior has its Done as Partial, also without a success.
type Step interface {
	// Inputs returns everything besides the configuration that decides the result,
	// each with a digest: the archive's bytes, the host behind a connection. It
	// holds no secrets and changes nothing. Two calls on the same world return the
	// same. An Input without a digest is allowed only as BeforeApplier says.
	//
	// In a diff w shows the files that earlier steps would leave behind.
	Inputs(ctx context.Context, w World) ([]Input, error)

	// Diff compares the world with what the step wants and changes nothing.
	// prior is the step's last success, or nil: a hint, never proof. w is the
	// World that Inputs got. Diff returns a Finding or an error, never neither.
	//
	// An error of w must stay wrapped: in a diff, the runner calls a step waiting
	// and not failed if a planned file's content is not known yet, or if a file is
	// missing while an earlier step could not be diffed.
	Diff(ctx context.Context, w World, prior *Record) (*Finding, error)

	// Verify looks at everything again and returns the outputs that it finds. It
	// fails if something is not as wanted. It changes nothing. Its w is the disk,
	// hashes every file anew and recalls no digest.
	Verify(ctx context.Context, w World) (Outputs, error)
}

// A Validator is a Step that finds mistakes in its configuration without any I/O.
// Check calls Validate while references to other steps are unresolved: such a
// field has its zero value, so Validate must take a zero value for "not known".
// The decoder reports a required field that is missing. Validate is called only
// if decoding found no mistake. It reports all mistakes that it finds, joined,
// each wrapped by plan.At to name the field.
type Validator interface{ Validate() error }

// A Pather is a Step that knows from its configuration which paths and places it touches.
// Check calls Paths on a step without mistakes, with references unresolved, and ignores an empty
// path. A run calls it to find where links lead.
type Pather interface{ Paths() Paths }

// A Truster is a Step to which it matters whether anything says what a file must be that
// it reads. In a diff and an apply, the runner calls Trust before BeforeApply, with what
// the earlier steps of this run gave as Finding.Vouched.
type Truster interface{ Trust(vouched []string) }

// A FileChecker is a Step that reads files in which people may have made mistakes: a list
// of images, an environment. CheckFiles reads them and returns all mistakes, wrapped as
// for Validate. It asks no server. Only `bayplan validate` calls it, before any run. known
// is false if references to other steps are unresolved, as for Validate. In w there are
// only files that no other step writes. An error that is fs.ErrNotExist is dropped.
type FileChecker interface {
	CheckFiles(ctx context.Context, w World, known bool) error
}

// A Signer is a Step that writes its plan and id into what it makes, or shares something
// with other steps under its id. Sign is called right after the Type's New, with the plan's name and the step's id.
type Signer interface{ Sign(plan, id string) }

// A BeforeApplier is a Step for which looking costs as much as doing: it must read a
// compressed archive to its end to know what the archive holds. In an apply, the
// runner calls BeforeApply before Inputs. The step then knows that the Change that
// Diff finds is applied at once. So Diff may leave to Apply what a diff would have
// found out for people, as long as Diff is sure that there is something to do. And
// Inputs may return an Input without a digest. The runner calls Inputs again after
// Apply, or after a Diff without Change; then every Input must have a digest.
type BeforeApplier interface{ BeforeApply() }

// A Resolver is a Step that asks sources for what the lock file records: what tags
// stand for, and which tags are chosen. `bayplan lock` calls Resolve in place of all
// other methods, so that it asks nothing else. A step without Resolve does not run
// then; its outputs are those of its record.
type Resolver interface {
	// Resolve looks at the files of this host and at sources, never at what the step
	// changes or checks. It changes nothing but the lock, and locks also what it found
	// before an error. w shows the files that earlier steps returned.
	//
	// Of the Finding, the Outputs count as far as they are known, and the Files of the
	// Change, which later steps read. What is not known is left out. Without a Finding the
	// step had nothing to look up, and counts as one without Resolve.
	Resolve(ctx context.Context, w World) (*Finding, error)
}

// Paths are absolute paths of files or directories. A directory stands for
// everything below it. Two steps may write into one directory, but not to one file.
type Paths struct {
	Reads  []string
	Writes []string // files
	Into   []string // directories in which the step makes files
	Makes  []string // directories that the step makes for others; a step that writes below must come after
	Scans  []string // directories whose files the step looks at without knowing their names

	Fills []Place // what the step changes outside the disk
	Looks []Place // what the step looks at outside the disk

	Asks []Server // the servers that the step asks
}

// A Place is something outside the disk, such as a registry or a cloud, with what a
// step changes there or looks at. What is there has a name: an image in a cloud, a
// repository with its tag. A step that looks at what another step changes must come
// after it.
type Place struct {
	Where Where
	Names []string // "" is a name that is not known yet; NAME* stands for all names that begin so
	Lists []string // absolute paths of files that hold further names
	Field string   // the field of the configuration from which the names come

	// Identity is the same for all names of one place; "": it has no name but that in Where.
	Identity string

	// Contents say what the step puts under each of the Names, "" for what is not known. Two steps
	// may put the same there, but not others.
	Contents []string

	// Alike reports whether two Contents may be the same though they are called differently. nil:
	// they are not.
	Alike func(a, b string) bool

	// ListFields are the fields below Field that name one of the Lists each.
	ListFields []string

	// NameOf gives the name here of an image of one of the Lists, "" for one that has
	// none. nil: they are not images, or keep their names.
	NameOf func(image string) string

	All bool // the step looks at whatever is there
}

// A World is what steps see of the disk. In a diff it also shows the files that
// earlier steps would leave behind. Paths are absolute. Many goroutines may use it
// at once.
type World interface {
	// Open opens a file for reading. An absent file's error is fs.ErrNotExist.
	Open(path string) (io.ReadCloser, error)

	// Stat follows symbolic links. An absent file's error is fs.ErrNotExist.
	Stat(path string) (fs.FileInfo, error)

	// ReadDir returns the names in a directory, sorted. An absent directory's error
	// is fs.ErrNotExist.
	ReadDir(path string) ([]string, error)

	// Meaning returns what a reference or an address that a file holds means: itself, but
	// for a rehearsal, in which paths lie elsewhere and images have other digests.
	Meaning(text string) string

	// Sum returns the digests of a file as lower-case hex by algorithm. It does not
	// read a file whose size, times and inode are as they were when it was
	// hashed. The World of Verify reads it always.
	Sum(ctx context.Context, path string, algos ...Algo) (map[Algo]string, error)

	// Recall returns the digests that are remembered of the file at path as it is
	// now, without reading it. ok is false if one of them is not known. The World
	// of Verify recalls nothing, and no World recalls a planned file.
	Recall(path string, algos ...Algo) (sums map[Algo]string, ok bool)

	// Remember keeps digests that a step has computed anyway while it read or wrote
	// the file at path, so that the file is not read again for them. id identifies
	// the file at the moment from which the digests hold. Remember keeps them only
	// if the file is still the same and a write since then would show in its times.
	Remember(path string, id FileID, sums map[Algo]string)
}

// What a World knows of the files of the host.
type (
	// Algo is a hash algorithm.
	Algo = hostdisk.Algo
	// FileID identifies a file and its content at one moment.
	FileID = hostdisk.FileID
	// Disk is the World as it is.
	Disk = hostdisk.Disk
)

// The algorithms that World.Sum knows.
const (
	MD5    = hostdisk.MD5 // what Glance calls checksum; never trusted alone
	SHA256 = hostdisk.SHA256
	SHA512 = hostdisk.SHA512
)

// Identify returns the identity of a file that was looked at just now.
func Identify(fi fs.FileInfo) FileID { return hostdisk.Identify(fi) }

// An Input is one thing that decides a step's result.
type Input struct {
	Name   string `json:"name"`   // with.NAME for a setting; a path or an image for what is read
	Digest string `json:"digest"` // any text that differs when the thing differs
}

// Outputs are the values that other steps can refer to, by name.
type Outputs map[string]plan.Value

// A Finding is what Diff found.
type Finding struct {
	Outputs Outputs // as they are now, or as they will be once the Change is applied, as far as that is known
	Change  *Change // nil: nothing to do

	// Err says what the step cannot do, while it can do the rest: one of many images is
	// not at its source. A diff shows the Change, and the step fails. In an apply, the
	// Change does the rest first, and its Apply returns an error that says this, too. An
	// *IncompleteError keeps what is done for the next run.
	Err error

	// Notes tell people what the step does not act on, one line each: a tag that
	// has moved on, a download without a checksum or signature. Apply may add to them.
	Notes []string

	// Moved are the locked tags that stand for something else now, and the choices and
	// selections that would be another now. Notes tell people of each of them, too.
	Moved []Moved

	// Fills says what is where when the step is done, as far as it is known, by names that mean
	// the same in all steps: absolute paths, HOST/NAME:TAG. A step that fills a place with another
	// content than a step before it fails before it changes anything. Apply may add what it finds
	// out, and the step then fails when it is done.
	Fills map[string]Content

	// Vouched are absolute paths of files that the step holds against a digest or a
	// signature, or of directories that it fills from such files.
	Vouched []string
}

// A Moved is an entry of the lock file that a look-up would give another value now.
type Moved struct {
	Name string `json:"name"`         // HOST/NAME:TAG, or a choice or selection: HOST/NAME and its rule
	From string `json:"from"`         // the locked digest, tag or image; "": an image that a selection would add
	To   string `json:"to,omitempty"` // the digest, tag or image of now; "": it is gone

	Labels []LabelChange `json:"labels,omitempty"` // of an image: those that say what is new in it
}

// A LabelChange is a label of an image that has another value now.
type LabelChange struct {
	Label string `json:"label"`          // its name
	From  string `json:"from,omitempty"` // "": it had none, or the old image is gone
	To    string `json:"to,omitempty"`   // "": it has none
}

// An IncompleteError is the error of a step that has done a part of its work. The state
// keeps what is done, and Diff gets it as prior.Partial until the step succeeds.
type IncompleteError struct {
	Done Outputs // of what is done, found or confirmed as Apply's outputs are
	Err  error
}

// Error says what was not done.
func (e *IncompleteError) Error() string { return e.Err.Error() }

// Unwrap returns the error of what was not done.
func (e *IncompleteError) Unwrap() error { return e.Err }

// A Change is what a step would do.
type Change struct {
	Summary string // the change in one line: "132 blobs (598.0 MiB) to pull, 157 mounts"
	Items   []Item // what it touches, in a fixed order; never empty
	Files   []File // the files and directories that Apply would leave behind

	// Apply makes the change. The runner calls it once for an attempt, after it has
	// recorded in the state that effects may follow. Apply must work again after it
	// failed, on the same Change and on one found anew. When ctx ends, it stops soon
	// and leaves nothing half-written behind.
	//
	// Outputs that are not nil are confirmed: Apply has read each of them from the
	// world's answer to the write, or from the world after the write, and has
	// assumed none of them from what it asked for. Then the runner does not call
	// Verify. If Apply returns nil, the runner calls Verify for the outputs. A type
	// without outputs confirms with an empty map.
	Apply func(ctx context.Context, p Progress) (Outputs, error)
}

// An Item is one thing that a change touches: a file, an image.
type Item struct {
	Op     Op     `json:"op"`               // what is done to it
	What   Thing  `json:"what"`             // the kind of thing
	Name   string `json:"name"`             // the path of a file, HOST/NAME:TAG of a container image, the name of an image in a cloud
	Source string `json:"source,omitempty"` // where it comes from: HOST/NAME:TAG of a container image, a path or an address
	Bytes  int64  `json:"bytes,omitempty"`  // bytes to move for it
	Note   string `json:"note,omitempty"`   // what else to know, in a few words
	From   string `json:"from,omitempty"`   // digest before the change, as ALGORITHM:HEX; none if nothing is there or it is not known
	To     string `json:"to,omitempty"`     // digest after the change; none if nothing is there or it is not known
	Old    string `json:"old,omitempty"`    // of a text file: its content
	New    string `json:"new,omitempty"`    // of a text file: its content after the change

	Size    int64     `json:"size,omitempty"`    // of an image: bytes of all its parts, of which bytes had to be moved
	Mounted int64     `json:"mounted,omitempty"` // of a finished image: bytes that its registry had elsewhere and mounted
	Began   time.Time `json:"began,omitzero"`    // of a finished item: when the work on it began, where that is known
}

// A Thing is a kind of thing that a change touches.
type Thing string

// All kinds of things.
const (
	Directory   Thing = "directory"
	RegularFile Thing = "file"
	Image       Thing = "image" // in a registry, a cloud or a directory of images
	Tag         Thing = "tag"   // a name of an image in a registry
	Blobs       Thing = "blobs" // of a registry or layout, which nothing names
	Package     Thing = "package"
	Contents    Thing = "contents" // of an archive, which are not known before it is read
	Leftover    Thing = "leftover" // of a run that was killed
)

// An Op is what a change does to an item.
type Op string

// All operations.
const (
	Create  Op = "create"
	Update  Op = "update"  // in place
	Replace Op = "replace" // a new one takes its name
	Remove  Op = "remove"
)

// A File is a file or directory that a change would leave behind.
type File struct {
	Path string // absolute
	Size int64
	Mode fs.FileMode // with fs.ModeDir for a directory
	Sums map[Algo]string
	Open func() (io.ReadCloser, error) // nil for a directory, and for content that is known only when it is written
}

// Progress counts what a running Apply has done. Many goroutines may call it at once.
type Progress interface {
	// Add counts n more bytes as moved.
	Add(n int64)
	// Done reports that one item is finished.
	Done(it Item)
}
