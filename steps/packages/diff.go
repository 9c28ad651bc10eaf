package packages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/rpm"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// A diff is the comparison of the files of a package with those on the disk.
type diff struct {
	*packageFiles
	*source
	world runner.World

	makeInto bool
	todo     []rpm.Pick // files to unpack
	items    []runner.Item
}

// compare finds which files have to be unpacked.
func (d *diff) compare(ctx context.Context) error {
	missing, err := hostfiles.MissingDirs(d.world, d.into())
	if err != nil {
		return err
	}
	if len(missing) > 1 {
		err := fmt.Errorf("into %s: the directory %s is not there", d.Into, filepath.Dir(d.into()))
		return fault.WithHint(err, "let a mkdir step make it, and name that step under needs")
	}
	d.makeInto = len(missing) == 1
	if err := d.checkPlaces(); err != nil {
		return err
	}
	for _, pick := range d.picks.Picks {
		op, have, err := d.compareFile(ctx, pick)
		if err != nil {
			return err
		}
		if op != "" {
			d.todo = append(d.todo, pick)
			d.items = append(d.items, runner.Item{
				Op: op, What: runner.RegularFile, Name: d.target(pick), Source: d.pkg.NEVRA(), Bytes: pick.File.Size, Note: linkedNote(pick),
				From: checksum.Text("sha256", have), To: checksum.Text("sha256", pick.File.SHA256),
			})
		}
	}
	if len(d.todo) == 0 && len(d.leftovers()) == 0 {
		return nil
	}
	if err := hostfiles.CheckWritable(d.into()); err != nil {
		return err
	}
	return d.checkSpace()
}

func linkedNote(pick rpm.Pick) string {
	if pick.Linked == "" {
		return ""
	}
	return "a link to " + path.Base(pick.File.Path)
}

// checkPlaces gives an error when something on the disk is in the way of a file.
func (d *diff) checkPlaces() error {
	root, err := os.OpenRoot(d.into())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	entries := make([]archive.Entry, len(d.picks.Picks))
	for i, pick := range d.picks.Picks {
		entries[i] = entryOf(pick)
	}
	return archive.CheckPlaces(root, entries)
}

func entryOf(pick rpm.Pick) archive.Entry {
	return archive.Entry{Name: pick.Name, Size: pick.File.Size, Mode: modeOfPick(pick), SHA256: pick.File.SHA256}
}

func modeOfPick(pick rpm.Pick) fs.FileMode {
	if pick.File.Mode&0o100 != 0 {
		return 0o755
	}
	return 0o644
}

// compareFile gives the operation that a file needs, "" for none, and the SHA-256 of the file
// that is there, "" if it is not known.
func (d *diff) compareFile(ctx context.Context, pick rpm.Pick) (runner.Op, string, error) {
	fi, err := d.world.Stat(d.target(pick))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return runner.Create, "", nil
	case err != nil:
		return "", "", err
	case !fi.Mode().IsRegular():
		return "", "", fmt.Errorf("%s is in the way of a file of the package", d.target(pick))
	}
	if fi.Size() != pick.File.Size { // also if it cannot be read
		have, err := hostfiles.Shown(ctx, d.world, d.target(pick), runner.SHA256)
		return runner.Replace, have, err
	}
	sums, err := d.world.Sum(ctx, d.target(pick), runner.SHA256)
	have := sums[runner.SHA256]
	if err != nil || have == pick.File.SHA256 {
		return "", have, err
	}
	return runner.Replace, have, nil
}

// checkSpace gives an error when the disk has no room for the files, and for the
// package itself when it has to be fetched.
func (d *diff) checkSpace() error {
	var need int64
	for _, pick := range d.todo {
		need += pick.File.Size
	}
	if d.listed != nil {
		need += d.listed.Size
	}
	name := d.into()
	if d.makeInto {
		name = filepath.Dir(name)
	}
	dir, err := os.Open(name)
	if err != nil {
		return nil // the directory is only planned, so its room is not known
	}
	defer dir.Close()
	return archive.CheckSpace(dir, need)
}

// downloadPath gives the file that keeps a package from a repository until it is
// unpacked. It does not depend on the version, so that a newer package replaces
// what a killed run left of an older one.
func (p *packageFiles) downloadPath() string {
	return filepath.Join(p.into(), durable.PartPrefix+p.Name+".rpm")
}

// stageSource gives the name that decides where unfinished files are kept. It does
// not depend on the version of the package.
func (p *packageFiles) stageSource() string {
	if p.RPM != "" {
		return string(p.RPM)
	}
	return p.addressOf(p.Name)
}

// leftovers gives what a killed run left: the package that it fetched, and
// unfinished files.
func (d *diff) leftovers() []string {
	var left []string
	names := []string{filepath.Join(d.into(), archive.StageName(d.stageSource()))}
	if d.listed != nil {
		names = append(append(names, d.downloadPath()), download.Parts(d.downloadPath())...)
	}
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil {
			left = append(left, name)
		}
	}
	return left
}

// change gives what has to be done, or nil for nothing.
func (d *diff) change(ctx context.Context) *runner.Change {
	c := &runner.Change{Apply: d.apply}
	if d.makeInto {
		c.Items = append(c.Items, d.intoItem())
		c.Files = append(c.Files, hostfiles.PlannedDir(d.into(), 0o755))
	}
	c.Items = append(c.Items, d.items...)
	var bytes int64
	for _, pick := range d.todo {
		bytes += pick.File.Size
		c.Files = append(c.Files, d.planned(ctx, pick))
	}
	for _, name := range d.leftovers() {
		if len(d.todo) == 0 { // otherwise apply continues them
			c.Items = append(c.Items, runner.Item{Op: runner.Remove, What: "leftover", Name: name, Note: "of a run that was killed"})
		}
	}
	switch {
	case len(c.Items) == 0:
		return nil
	case len(d.todo) == 0:
		c.Summary = human.Count(len(c.Items), "leftover", "leftovers")
		return c
	}
	c.Summary = fmt.Sprintf("%s (%s) from %s", human.Count(len(d.todo), "file", "files"), human.Size(bytes), d.pkg.NEVRA())
	if d.listed != nil {
		c.Summary += fmt.Sprintf(", %s to download", human.Size(d.listed.Size))
	}
	return c
}

func (d *diff) intoItem() runner.Item {
	return runner.Item{Op: runner.Create, What: "directory", Name: d.into()}
}

// planned gives a file as it will be. It can be read already when the package is a
// local file.
func (d *diff) planned(ctx context.Context, pick rpm.Pick) runner.File {
	f := runner.File{
		Path: d.target(pick), Size: pick.File.Size, Mode: modeOfPick(pick),
		Sums: map[runner.Algo]string{runner.SHA256: pick.File.SHA256},
	}
	if d.RPM == "" {
		return f
	}
	ctx = context.WithoutCancel(ctx) // the file outlives the Diff that planned it
	f.Open = func() (io.ReadCloser, error) {
		payload, err := openPayload(d.world, string(d.RPM))
		if err != nil {
			return nil, err
		}
		return archive.Open(ctx, d.pkg.Tar(ctx, payload, []rpm.Pick{pick}), pick.Name, archive.Options{})
	}
	return f
}

// notes reports the links that are left out, since their files are unpacked too.
func (d *diff) notes() []string {
	var notes []string
	for _, link := range d.picks.Left {
		notes = append(notes, link+" is a link to a file that is unpacked itself, and is left out")
	}
	return notes
}

func (d *diff) outputs() runner.Outputs {
	files := make([]string, len(d.picks.Picks))
	for i, pick := range d.picks.Picks {
		files[i] = d.target(pick)
	}
	return runner.Outputs{"files": plan.List(files...), "packages": plan.List(d.pkg.NEVRA())}
}

// confirm checks every file. A file that still has the identity in unpacked was
// hashed while it was written. All others are hashed now.
func (d *diff) confirm(ctx context.Context, unpacked map[string]runner.FileID) error {
	var errs []error
	for _, pick := range d.picks.Picks {
		id, written := unpacked[pick.Name]
		errs = append(errs, d.confirmFile(ctx, pick, func(fi fs.FileInfo) bool { return written && id.Is(fi) }))
	}
	return errors.Join(errs...)
}

func (d *diff) confirmFile(ctx context.Context, pick rpm.Pick, written func(fs.FileInfo) bool) error {
	name := d.target(pick)
	fi, err := os.Lstat(name)
	switch {
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", name)
	case written(fi):
		d.world.Remember(name, runner.Identify(fi), map[runner.Algo]string{runner.SHA256: pick.File.SHA256})
		return nil
	}
	sums, err := d.world.Sum(ctx, name, runner.SHA256)
	if err != nil {
		return err
	}
	if got := sums[runner.SHA256]; got != pick.File.SHA256 {
		return fmt.Errorf("%s has sha256 %s, and in the package it has %s", name, got, pick.File.SHA256)
	}
	return nil
}
