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
	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/rpm"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// A packageDiff is the comparison of a package with what is there.
type packageDiff struct {
	*packageFiles
	*packageSource
	world runner.World

	makeInto bool
	todo     []rpm.Pick // what is to be unpacked
	items    []runner.Item
}

// compare finds what would change.
func (d *packageDiff) compare(ctx context.Context) error {
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
		op, err := d.compareFile(ctx, pick)
		if err != nil {
			return err
		}
		if op != "" {
			d.todo = append(d.todo, pick)
			d.items = append(d.items, runner.Item{Op: op, What: "file", Name: d.place(pick), Bytes: pick.File.Size, Note: linkedNote(pick)})
		}
	}
	if len(d.todo) == 0 && len(d.leftovers()) == 0 {
		return nil
	}
	if err := hostfiles.CheckWritable(d.into()); err != nil {
		return err
	}
	return d.checkRoom()
}

func linkedNote(pick rpm.Pick) string {
	if pick.Linked == "" {
		return ""
	}
	return "a link to " + path.Base(pick.File.Path)
}

// checkPlaces tells what is in the way on the disk.
func (d *packageDiff) checkPlaces() error {
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

// compareFile says what is to be done for a file, "" for nothing.
func (d *packageDiff) compareFile(ctx context.Context, pick rpm.Pick) (runner.Op, error) {
	fi, err := d.world.Stat(d.place(pick))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return runner.Create, nil
	case err != nil:
		return "", err
	case !fi.Mode().IsRegular():
		return "", fmt.Errorf("%s is in the way of a file of the package", d.place(pick))
	case fi.Size() != pick.File.Size:
		return runner.Replace, nil
	}
	sums, err := d.world.Sum(ctx, d.place(pick), runner.SHA256)
	if err != nil || sums[runner.SHA256] == pick.File.SHA256 {
		return "", err
	}
	return runner.Replace, nil
}

// checkRoom tells beforehand when the files will not fit, with the package
// itself where that is to be fetched.
func (d *packageDiff) checkRoom() error {
	var need int64
	for _, pick := range d.todo {
		need += pick.File.Size
	}
	if d.listed != nil {
		need += d.listed.Size
	}
	at := d.into()
	if d.makeInto {
		at = filepath.Dir(at)
	}
	dir, err := os.Open(at)
	if err != nil {
		return nil // only planned: then writing will tell
	}
	defer dir.Close()
	return archive.CheckSpace(dir, need)
}

// download is where a package from a repository stands until it is unpacked. A
// newer one takes the place of what a killed run left of an older one.
func (p *packageFiles) download() string {
	return filepath.Join(p.into(), durable.PartPrefix+p.Name+".rpm")
}

// stageOf names what is unpacked for the place of unfinished files, whatever
// its version is.
func (p *packageFiles) stageOf() string {
	if p.RPM != "" {
		return string(p.RPM)
	}
	return p.below(p.Name)
}

// leftovers are what a killed run left: the package that it fetched, and files
// that have not got their names.
func (d *packageDiff) leftovers() []string {
	var left []string
	names := []string{filepath.Join(d.into(), archive.StageName(d.stageOf()))}
	if d.listed != nil {
		names = append(append(names, d.download()), download.Parts(d.download())...)
	}
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil {
			left = append(left, name)
		}
	}
	return left
}

// change says what would be done, or nil for nothing.
func (d *packageDiff) change(ctx context.Context) *runner.Change {
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
		if len(d.todo) == 0 { // else they are of use
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

func (d *packageDiff) intoItem() runner.Item {
	return runner.Item{Op: runner.Create, What: "directory", Name: d.into()}
}

// planned is a file as it will be. Out of a package that is at hand it can be
// read before.
func (d *packageDiff) planned(ctx context.Context, pick rpm.Pick) runner.File {
	f := runner.File{
		Path: d.place(pick), Size: pick.File.Size, Mode: modeOfPick(pick),
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

// notes tell of links that were asked for and say nothing new.
func (d *packageDiff) notes() []string {
	var notes []string
	for _, link := range d.picks.Left {
		notes = append(notes, link+" is a link to a file that is unpacked itself, and is left out")
	}
	return notes
}

func (d *packageDiff) outputs() runner.Outputs {
	files := make([]string, len(d.picks.Picks))
	for i, pick := range d.picks.Picks {
		files[i] = d.place(pick)
	}
	return runner.Outputs{"files": plan.List(files...), "packages": plan.List(d.pkg.NEVRA())}
}

// confirm checks every file. One that is still what the given identity says was
// hashed while it was written; all others are hashed.
func (d *packageDiff) confirm(ctx context.Context, unpacked map[string]runner.FileID) error {
	var errs []error
	for _, pick := range d.picks.Picks {
		id, written := unpacked[pick.Name]
		errs = append(errs, d.confirmFile(ctx, pick, func(fi fs.FileInfo) bool { return written && id.Is(fi) }))
	}
	return errors.Join(errs...)
}

func (d *packageDiff) confirmFile(ctx context.Context, pick rpm.Pick, written func(fs.FileInfo) bool) error {
	name := d.place(pick)
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
		return fmt.Errorf("%s has sha256 %s, in the package %s", name, got, pick.File.SHA256)
	}
	return nil
}
