package runner

import (
	"context"
	"io"
	"io/fs"

	"github.com/bayplan/bayplan/plan"
)

// A Step is one unit of work with its configuration complete. The struct that
// implements it is its own configuration: exported fields with json tags are
// what stands under "with" (a tag without omitempty makes a field required,
// the doc comments become the schema and the text of `bayplan explain`).
//
// The runner makes a Step with its Type's New, once for every attempt of every run,
// and decodes the configuration into it with every reference replaced. Then it calls,
// in this order and never two at a time:
//
//   - Sign and Validate, where the step has them;
//   - BeforeApply, where the step has it and the run is an apply;
//   - Inputs and Diff;
//   - in an apply, the Apply of the Change that Diff gave, if it gave one, and then
//     Verify, if Apply did not confirm the outputs itself;
//   - Inputs again, if an input had no digest before.
//
// `bayplan verify` calls Verify alone. So a step may keep between these calls what it
// has read, to read it once; but nothing that Apply did is handed to Verify.
type Step interface {
	// Inputs names, with its digest, all that decides the result besides the
	// configuration: the archive's bytes, the host behind a connection. It
	// holds no secrets. It changes nothing.
	Inputs(ctx context.Context, w World) ([]Input, error)

	// Diff compares the world with what the step wants and changes nothing.
	// prior is the step's last success, or nil: a hint, never proof.
	Diff(ctx context.Context, w World, prior *Record) (*Finding, error)

	// Verify looks at everything again, hard, and gives the outputs that it
	// finds. It is an error when something is not as wanted. The w given to it
	// hashes every file anew.
	Verify(ctx context.Context, w World) (Outputs, error)
}

// A Validator is a Step that can tell mistakes in its configuration from the
// configuration alone, without any I/O. Validate also runs before anything
// else does, when references to other steps are still unresolved: such a field
// is then its zero value, so Validate must take a zero value for "not known"
// (that a required field is missing is the decoder's finding). It reports all
// mistakes it finds, joined, each wrapped by plan.At to say which field.
type Validator interface{ Validate() error }

// A Pather is a Step that knows from its configuration which paths it touches.
// Like Validate, Paths runs while references are unresolved; an empty path is
// left out.
type Pather interface{ Paths() Paths }

// A Signer is a Step that says in what it writes who made it. The runner calls
// Sign right after the Type's New, with the plan's name and the step's id.
type Signer interface{ Sign(plan, id string) }

// A BeforeApplier is a Step for which looking costs as much as doing: to know what
// a compressed archive holds it must be read to its end. The runner calls BeforeApply
// before Inputs when the Change that Diff finds is applied at once. Then Diff may
// leave to Apply what a diff would have found out for people, as long as it is sure
// that there is something to do, and an Input may be without digest. Inputs is asked
// again after Apply, and then every Input must have one.
type BeforeApplier interface{ BeforeApply() }

// Paths are absolute paths of files or directories; a directory stands for
// all below it. Two steps may write into one directory, not to one file.
type Paths struct {
	Reads  []string
	Writes []string // files
	Into   []string // directories in which files are made
	Makes  []string // directories that are made for others to write into; who writes below comes after
}

// A World is what steps see of the disk: the files that earlier steps would
// leave behind while a diff is on, the disk itself otherwise. Paths are absolute.
type World interface {
	// Open opens a file for reading. An absent file's error is fs.ErrNotExist.
	Open(path string) (io.ReadCloser, error)

	// Stat follows symbolic links. An absent file's error is fs.ErrNotExist.
	Stat(path string) (fs.FileInfo, error)

	// ReadDir names what is in a directory, sorted. An absent directory's error
	// is fs.ErrNotExist.
	ReadDir(path string) ([]string, error)

	// Sum hashes a file, or remembers its digests when size, times and inode
	// are as they were. It gives lower-case hex by algorithm.
	Sum(ctx context.Context, path string, algos ...Algo) (map[Algo]string, error)

	// Recall gives the digests that are remembered of the file at path as it is
	// now, without reading it. ok is false when one of them is not known. The
	// World of Verify and a planned file remember nothing.
	Recall(path string, algos ...Algo) (sums map[Algo]string, ok bool)

	// Remember keeps digests that a step has computed anyway, while it read or
	// wrote the file at path, so that the file is not read again for them. It
	// keeps them only if the file is still the one that was identified when they
	// began to hold.
	Remember(path string, id FileID, sums map[Algo]string)
}

// An Algo is a hash algorithm.
type Algo string

// The algorithms that World.Sum knows.
const (
	MD5    Algo = "md5" // what Glance calls checksum; never trusted alone
	SHA256 Algo = "sha256"
	SHA512 Algo = "sha512"
)

// An Input is one thing that decides a step's result.
type Input struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // any text that differs when the thing does
}

// Outputs are what a step gives to others, by name.
type Outputs map[string]plan.Value

// A Finding is what Diff saw.
type Finding struct {
	Outputs Outputs // as they are now, or as they will be once the Change is applied, as far as that is known
	Change  *Change // nil: nothing to do

	// Notes are what people should know though nothing is done about it, each
	// in one line: a tag that has moved on, a download that nothing vouches for.
	Notes []string
}

// A Change is what a step would do.
type Change struct {
	Summary string // the whole in a few words: "132 blobs (598.0 MiB) to pull, 157 mounts"
	Items   []Item // what it touches, in a fixed order
	Files   []File // the files and directories that Apply would leave behind

	// Apply makes the change. It may be called again after it failed. When ctx
	// ends it stops soon and leaves nothing half-written behind.
	//
	// Outputs that are not nil are confirmed: each was read from what the world
	// answered to the write, or from a look at the world after it, and never
	// assumed from what was asked for. Then the runner does not call Verify.
	Apply func(ctx context.Context, p Progress) (Outputs, error)
}

// An Item is one thing that a change touches.
type Item struct {
	Op    Op     `json:"op"`
	What  string `json:"what"` // the kind of thing: directory, file, image
	Name  string `json:"name"`
	Bytes int64  `json:"bytes,omitempty"` // bytes to move for it
	Note  string `json:"note,omitempty"`  // what else to know, in a few words
	Old   string `json:"old,omitempty"`   // of a text file: what it holds
	New   string `json:"new,omitempty"`   // of a text file: what it would hold
}

// An Op is what happens to an item.
type Op string

// The operations there are.
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
	Open func() (io.ReadCloser, error) // nil for a directory, and where the content is known only when it is written
}

// Progress is told by a running Apply what it has done. It may be called from
// many goroutines at once.
type Progress interface {
	// Add counts n more bytes as moved.
	Add(n int64)
	// Done tells that one item is finished.
	Done(it Item)
}

// A Type is one kind of step.
type Type struct {
	Name    string // as it stands in plans: glance-upload
	Outputs []Output
	// Check marks a type that never changes anything: its Diff gives an error
	// when things are not as wanted. While something before it would change,
	// a diff does not run it.
	Check bool
	// New gives an empty step with its defaults set.
	New func() Step
}

// An Output describes one output of a type.
type Output struct {
	Name string
	Doc  string // one sentence
	List bool
}

// Types are the kinds of steps there are, in the order they are shown.
type Types []Type

// Find gives the type of a name, and whether there is one.
func (ts Types) Find(name string) (Type, bool) {
	for _, t := range ts {
		if t.Name == name {
			return t, true
		}
	}
	return Type{}, false
}
