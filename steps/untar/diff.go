package untar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// A diff is the comparison of an archive with the files on the disk.
type diff struct {
	*untar
	world    runner.World
	entries  []archive.Entry
	full     bool // these are all entries of the archive
	applying bool // before an apply: the entries have no digests
	makeInto bool
	same     []archive.Entry        // files that are the same as in the archive
	items    map[string]runner.Item // what has to be done, by name
	closed   []string               // directories of this user that others cannot read
}

// compare finds what has to be done. It compares with the files that earlier steps
// would leave, but looks only on the disk for what is in the way.
func (d *diff) compare(ctx context.Context) error {
	d.same, d.closed, d.items = nil, nil, map[string]runner.Item{}
	if err := d.compareInto(); err != nil {
		return err
	}
	if err := d.checkPlaces(); err != nil {
		return err
	}
	for _, e := range d.entries {
		if err := d.compareEntry(ctx, e); err != nil {
			return err
		}
	}
	d.findClosed()
	if err := d.checkWritable(); err != nil {
		return err
	}
	return d.checkSpace()
}

func (d *diff) compareInto() error {
	missing, err := hostfiles.MissingDirs(d.world, d.into())
	if err != nil {
		return err
	}
	if len(missing) > 1 {
		err := fmt.Errorf("into %s: the directory %s is not there", d.Into, filepath.Dir(string(d.Into)))
		return fault.WithHint(err, "let a mkdir step make it, and name that step under needs")
	}
	d.makeInto = len(missing) == 1
	return nil
}

func (d *diff) checkPlaces() error {
	root, err := os.OpenRoot(string(d.Into))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	return archive.CheckPlaces(root, d.entries)
}

func (d *diff) compareEntry(ctx context.Context, e archive.Entry) error {
	item := d.item(e)
	fi, err := d.world.Stat(d.target(e))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.items[e.Name] = item
		return nil
	case err != nil:
		return err
	case fi.IsDir() != e.IsDir():
		return fmt.Errorf("%s is in the way of a %s of the archive", d.target(e), item.What)
	case e.IsDir():
		return nil
	}
	item.Op = runner.Replace
	differs := e.Size >= 0 && fi.Size() != e.Size
	if d.applying {
		if differs { // or else Apply finds whether it differs
			d.items[e.Name] = item
		}
		return nil
	}
	have := ""
	if differs {
		have, err = hostfiles.Shown(ctx, d.world, d.target(e), runner.SHA256)
	} else {
		var sums map[runner.Algo]string
		sums, err = d.world.Sum(ctx, d.target(e), runner.SHA256)
		have = sums[runner.SHA256]
	}
	if err != nil {
		return err
	}
	if !differs && have == e.SHA256 {
		d.same = append(d.same, e)
		return nil
	}
	item.From = checksum.Text("sha256", have)
	d.items[e.Name] = item
	return nil
}

// item gives the item of an entry that is not there.
func (d *diff) item(e archive.Entry) runner.Item {
	if e.IsDir() {
		return runner.Item{Op: runner.Create, What: runner.Directory, Name: d.target(e), Bytes: e.Size}
	}
	it := runner.Item{Op: runner.Create, What: runner.RegularFile, Name: d.target(e), Source: string(d.Archive), Bytes: e.Size}
	if e.SHA256 != "" {
		it.To = checksum.Text("sha256", e.SHA256)
	}
	return it
}

// findClosed finds the directories of the archive whose mode keeps other users out.
func (d *diff) findClosed() {
	seen := map[string]bool{".": true}
	for _, e := range d.entries {
		dir := e.Name
		if !e.IsDir() {
			dir = path.Dir(dir)
		}
		for ; !seen[dir] && dir != "/"; dir = path.Dir(dir) {
			seen[dir] = true
			name := filepath.Join(d.into(), filepath.FromSlash(dir))
			if fi, err := d.world.Stat(name); err == nil && fi.IsDir() && fi.Mode().Perm()&0o055 != 0o055 && durable.Own(fi) {
				d.closed = append(d.closed, fmt.Sprintf("%s has mode %04o", name, fi.Mode().Perm()))
			}
		}
	}
}

// closedNotes reports directories of the archive whose mode keeps other users out. Untar
// makes them with mode 0755. It changes no mode: the owner may have set it.
func (d *diff) closedNotes() []string {
	if len(d.closed) == 0 {
		return nil
	}
	note := d.closed[0]
	if n := len(d.closed) - 1; n > 0 {
		note += fmt.Sprintf(", and so on for %d more", n)
	}
	return []string{note + ", so other users cannot read what is in it; untar makes directories with mode 0755"}
}

// checkSpace gives an error in the diff when the disk has too little room. What a
// killed run has left counts as free, since Apply uses or removes it.
func (d *diff) checkSpace() error {
	var need int64
	for _, e := range d.entries {
		if _, ok := d.items[e.Name]; ok {
			need += e.Size
		}
	}
	if need <= 0 {
		return nil
	}
	left, err := sizeBelow(d.stagePath())
	if err != nil {
		return err
	}
	for dir := d.into(); ; dir = filepath.Dir(dir) {
		f, err := os.Open(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			continue // it will be made, on the file system of its parent
		}
		if err != nil {
			return nil // the room cannot be found out
		}
		defer f.Close()
		return archive.CheckSpace(f, need-left)
	}
}

// sizeBelow gives the bytes of the files in a directory, or 0 without a directory.
func sizeBelow(dir string) (int64, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return 0, nil
	}
	var n int64
	for _, e := range entries {
		if fi, err := e.Info(); err == nil {
			n += fi.Size()
		}
	}
	return n, err
}

// checkWritable gives an error in the diff when files cannot be written.
func (d *diff) checkWritable() error {
	if len(d.items) == 0 {
		return nil
	}
	checked := map[string]bool{}
	for _, item := range d.items {
		for dir := filepath.Dir(item.Name); !checked[dir] && len(dir) >= len(d.into()); dir = filepath.Dir(dir) {
			checked[dir] = true
			if err := hostfiles.CheckWritable(dir); err != nil {
				return err
			}
		}
	}
	return hostfiles.CheckWritable(string(d.Into)) // unfinished files are kept there
}

// change gives what has to be done, or nil for nothing.
func (d *diff) change(ctx context.Context) *runner.Change {
	c := &runner.Change{}
	if d.makeInto {
		c.Items = append(c.Items, d.intoItem())
		c.Files = append(c.Files, hostfiles.PlannedDir(d.into(), 0o755))
	}
	files, bytes := 0, int64(0)
	if !d.full {
		c.Items = append(c.Items, d.contentsItem())
	}
	for _, e := range d.entries {
		item, ok := d.items[e.Name]
		if !ok || !d.full {
			continue
		}
		c.Items = append(c.Items, item)
		if !d.applying {
			c.Files = append(c.Files, d.planned(ctx, e))
		}
		if !e.IsDir() {
			files, bytes = files+1, bytes+e.Size
		}
	}
	if d.leftover() {
		c.Items = append(c.Items, runner.Item{Op: runner.Remove, What: "leftover", Name: d.stagePath(), Note: "of a run that was killed"})
	}
	if len(c.Items) == 0 {
		return nil
	}
	c.Summary = fmt.Sprintf("%s (%s) from %s", human.Count(files, "file", "files"), human.Size(bytes), filepath.Base(string(d.Archive)))
	if !d.full {
		c.Summary = fmt.Sprintf("what is in %s (%s)", filepath.Base(string(d.Archive)), human.Size(d.contentsItem().Bytes))
	}
	return c
}

// contentsItem stands for all entries of an archive that has not been read yet. Its
// bytes are those of the archive file: they are known, so the progress counts them.
func (d *diff) contentsItem() runner.Item {
	it := runner.Item{Op: runner.Create, What: "contents", Name: string(d.Archive)}
	if fi, err := d.world.Stat(string(d.Archive)); err == nil {
		it.Bytes = fi.Size()
	}
	return it
}

// planned gives an entry as it will be. Opening it reads it from the archive.
func (d *diff) planned(ctx context.Context, e archive.Entry) runner.File {
	if e.IsDir() {
		return hostfiles.PlannedDir(d.target(e), 0o755)
	}
	ctx = context.WithoutCancel(ctx) // the file outlives the Diff that planned it
	return runner.File{
		Path: d.target(e),
		Size: e.Size,
		Mode: e.Mode,
		Sums: map[runner.Algo]string{runner.SHA256: e.SHA256, runner.SHA512: e.SHA512},
		Open: func() (io.ReadCloser, error) {
			r, err := d.world.Open(string(d.Archive))
			if err != nil {
				return nil, err
			}
			return archive.Open(ctx, r, e.Name, archive.Options{Limits: d.archiveLimits()})
		},
	}
}
