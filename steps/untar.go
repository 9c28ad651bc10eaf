package steps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/archive"
)

// untar unpacks a tar archive into a directory. Files that are there already
// with the same content are left alone; the others get their names one by one
// when all of the archive was read and found good.
type untar struct {
	// Archive to unpack: tar, tar.gz, tar.zst, tar.xz or tar.bz2, told apart by what is in it. It may hold files and directories, no links and nothing else.
	Archive plan.Path `json:"archive"`
	// Directory to unpack into. It is made when its parent is there. Several archives may be unpacked into one.
	Into plan.Path `json:"into"`
	// Digest that the archive must have, 64 lower-case hex digits. With it an archive that was cut between two files is noticed too.
	SHA256 string `json:"sha256,omitempty" jsonschema:"pattern=^[0-9a-f]{64}$"`

	unpacked []archive.Entry // by this run
}

func untarType() runner.Type {
	return runner.Type{
		Name: "untar",
		Outputs: []runner.Output{
			{Name: "files", Doc: "The files, absolute, in the order of the archive.", List: true},
			{Name: "sums", Doc: "The files with their digests as sha256sum writes and reads them: 64 hex digits, two spaces, the absolute path.", List: true},
			{Name: "dirs", Doc: "The directories that the archive lists, absolute.", List: true},
			{Name: "into", Doc: "The directory unpacked into, absolute."},
		},
		New: func() runner.Step { return &untar{} },
	}
}

var sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Validate implements runner.Validator.
func (u *untar) Validate() error {
	if u.SHA256 == "" || sha256Pattern.MatchString(u.SHA256) {
		return nil
	}
	err := fmt.Errorf("%q is not a sha256 digest", u.SHA256)
	return plan.At("sha256", fault.WithHint(err, "write 64 lower-case hex digits, as sha256sum prints them"))
}

// Paths implements runner.Pather.
func (u *untar) Paths() runner.Paths {
	return runner.Paths{Reads: []string{string(u.Archive)}, Into: []string{string(u.Into)}}
}

// Inputs gives the archive's digest.
func (u *untar) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	digest, err := u.digest(ctx, w)
	if err != nil {
		return nil, err
	}
	return []runner.Input{{Name: "archive", Digest: digest}}, nil
}

// digest hashes the archive and holds it against the plan's.
func (u *untar) digest(ctx context.Context, w runner.World) (string, error) {
	sums, err := w.Sum(ctx, string(u.Archive), runner.SHA256)
	if errors.Is(err, fs.ErrNotExist) {
		return "", u.missing()
	}
	if err != nil {
		return "", fmt.Errorf("read archive %s: %w", u.Archive, err)
	}
	if got := sums[runner.SHA256]; u.SHA256 != "" && got != u.SHA256 {
		err := fmt.Errorf("archive %s: %w", u.Archive, &archive.DigestError{Got: got, Want: u.SHA256})
		return "", fault.WithHint(err, "it is not the archive that was meant, or it was damaged on its way; or sha256 in the plan is out of date")
	}
	return "sha256:" + sums[runner.SHA256], nil
}

func (u *untar) missing() error {
	err := fmt.Errorf("archive %s: %w", u.Archive, fs.ErrNotExist)
	hint := "put it there, or correct the path under archive"
	if strings.HasPrefix(string(u.Archive), "/usr/share/rhosp-director-images/") {
		hint = "install the packages rhosp-director-images and rhosp-director-images-ipa, or correct the path under archive"
	}
	return fault.WithHint(err, hint)
}

// Diff compares what the archive holds with what is there.
func (u *untar) Diff(ctx context.Context, w runner.World, prior *runner.Record) (*runner.Finding, error) {
	digest, err := u.digest(ctx, w)
	if err != nil {
		return nil, err
	}
	if prior.Input("archive") == digest && !u.leftover() {
		// The same archive holds the same files: it need not be read again
		// to find that all of them are there.
		if entries := u.remembered(prior); entries != nil {
			d := untarDiff{untar: u, world: w, entries: entries}
			if err := d.compare(ctx); err == nil && len(d.items) == 0 {
				return &runner.Finding{Outputs: u.outputs(entries)}, nil
			}
		}
	}
	entries, err := u.list(ctx, w)
	if err != nil {
		return nil, err
	}
	d := untarDiff{untar: u, world: w, entries: entries}
	if err := d.compare(ctx); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", u.Archive, err)
	}
	return &runner.Finding{Outputs: u.outputs(entries), Change: d.change(ctx)}, nil
}

// list reads the whole archive.
func (u *untar) list(ctx context.Context, w runner.World) ([]archive.Entry, error) {
	r, err := w.Open(string(u.Archive))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, u.missing()
	}
	if err != nil {
		return nil, fmt.Errorf("read archive %s: %w", u.Archive, err)
	}
	defer r.Close()
	entries, err := archive.List(ctx, r, u.options())
	if err != nil {
		return nil, fmt.Errorf("read archive %s: %w", u.Archive, err)
	}
	return entries, nil
}

// options ask for SHA-512 too: it is what Glance knows images by, and so what
// a diff of their upload will want.
func (u *untar) options() archive.Options {
	return archive.Options{SHA256: u.SHA256, SHA512: true}
}

// leftover says whether a killed run left its unfinished files.
func (u *untar) leftover() bool {
	_, err := os.Lstat(u.stage())
	return err == nil
}

// into gives the directory as outputs name it.
func (u *untar) into() string { return filepath.Clean(string(u.Into)) }

func (u *untar) stage() string {
	return filepath.Join(string(u.Into), archive.StageName(string(u.Archive)))
}

func (u *untar) path(e archive.Entry) string {
	return filepath.Join(string(u.Into), filepath.FromSlash(e.Name))
}

func (u *untar) outputs(entries []archive.Entry) runner.Outputs {
	var files, sums, dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, u.path(e))
			continue
		}
		files = append(files, u.path(e))
		sums = append(sums, e.SHA256+"  "+u.path(e))
	}
	return runner.Outputs{
		"files": plan.List(files...),
		"sums":  plan.List(sums...),
		"dirs":  plan.List(dirs...),
		"into":  plan.Text(u.into()),
	}
}

// remembered gives the entries that a record tells of, without their sizes.
// A record of another directory, or one that makes no sense, gives nil: what
// was unpacked below this directory once says nothing about this directory.
func (u *untar) remembered(prior *runner.Record) []archive.Entry {
	if prior.Outputs["into"].String() != u.into() {
		return nil
	}
	var entries []archive.Entry
	add := func(path string, e archive.Entry) bool {
		name, err := filepath.Rel(string(u.Into), path)
		e.Name, e.Size = filepath.ToSlash(name), -1
		entries = append(entries, e)
		return err == nil && filepath.IsLocal(name)
	}
	for _, line := range prior.Outputs["sums"].Items() {
		sum, path, ok := strings.Cut(line, "  ")
		if !ok || !add(path, archive.Entry{SHA256: sum}) {
			return nil
		}
	}
	for _, path := range prior.Outputs["dirs"].Items() {
		if !add(path, archive.Entry{Mode: fs.ModeDir | 0o755}) {
			return nil
		}
	}
	return entries
}

// Verify hashes every file and holds it against the archive.
func (u *untar) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	entries := u.unpacked
	if entries == nil {
		var err error
		if entries, err = u.list(ctx, w); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, u.verify(ctx, w, e))
	}
	return u.outputs(entries), errors.Join(errs...)
}

func (u *untar) verify(ctx context.Context, w runner.World, e archive.Entry) error {
	path := u.path(e)
	fi, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case e.IsDir() && !fi.IsDir():
		return fmt.Errorf("%s is not a directory", path)
	case e.IsDir():
		return nil
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case fi.Size() != e.Size:
		return fmt.Errorf("%s has %d bytes, in the archive %d", path, fi.Size(), e.Size)
	}
	sums, err := w.Sum(ctx, path, runner.SHA256)
	if err != nil {
		return err
	}
	if got := sums[runner.SHA256]; got != e.SHA256 {
		return fmt.Errorf("%s has sha256 %s, in the archive %s", path, got, e.SHA256)
	}
	return nil
}
