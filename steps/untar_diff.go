package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/archive"
)

// An untarDiff is the comparison of an archive with what is there.
type untarDiff struct {
	*untar
	world    runner.World
	entries  []archive.Entry
	makeInto bool
	same     map[string]bool        // names of files that are as in the archive
	items    map[string]runner.Item // by name; what would change
}

// compare finds what would change. It sees the files that earlier steps would
// leave; what is in the way it looks for on the disk alone.
func (d *untarDiff) compare(ctx context.Context) error {
	d.same, d.items = map[string]bool{}, map[string]runner.Item{}
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
	return d.checkWritable()
}

func (d *untarDiff) compareInto() error {
	missing, err := missingDirs(d.world, d.into())
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

func (d *untarDiff) checkPlaces() error {
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

func (d *untarDiff) compareEntry(ctx context.Context, e archive.Entry) error {
	item := runner.Item{Op: runner.Create, What: "file", Name: d.path(e), Bytes: e.Size}
	if e.IsDir() {
		item.What = "directory"
	}
	fi, err := d.world.Stat(d.path(e))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.items[e.Name] = item
		return nil
	case err != nil:
		return err
	case fi.IsDir() != e.IsDir():
		return fmt.Errorf("%s is in the way of a %s of the archive", d.path(e), item.What)
	case e.IsDir():
		return nil
	}
	item.Op = runner.Replace
	if e.Size >= 0 && fi.Size() != e.Size {
		d.items[e.Name] = item
		return nil
	}
	sums, err := d.world.Sum(ctx, d.path(e), runner.SHA256)
	if err != nil {
		return err
	}
	if d.same[e.Name] = sums[runner.SHA256] == e.SHA256; !d.same[e.Name] {
		d.items[e.Name] = item
	}
	return nil
}

// checkWritable tells in a diff already that files cannot be written.
func (d *untarDiff) checkWritable() error {
	if len(d.items) == 0 {
		return nil
	}
	checked := map[string]bool{}
	for _, item := range d.items {
		for dir := filepath.Dir(item.Name); !checked[dir] && len(dir) >= len(d.into()); dir = filepath.Dir(dir) {
			checked[dir] = true
			if err := checkWritable(dir); err != nil {
				return err
			}
		}
	}
	return checkWritable(string(d.Into)) // the unfinished files stand there
}

// change says what would be done, or nil for nothing.
func (d *untarDiff) change(ctx context.Context) *runner.Change {
	c := &runner.Change{Apply: d.apply}
	if d.makeInto {
		c.Items = append(c.Items, d.intoItem())
		c.Files = append(c.Files, plannedDir(d.into(), 0o755))
	}
	files, bytes := 0, int64(0)
	for _, e := range d.entries {
		item, ok := d.items[e.Name]
		if !ok {
			continue
		}
		c.Items = append(c.Items, item)
		c.Files = append(c.Files, d.planned(ctx, e))
		if !e.IsDir() {
			files, bytes = files+1, bytes+e.Size
		}
	}
	if d.leftover() {
		c.Items = append(c.Items, runner.Item{Op: runner.Remove, What: "leftover", Name: d.stage(), Note: "of a run that was killed"})
	}
	if len(c.Items) == 0 {
		return nil
	}
	c.Summary = fmt.Sprintf("%s (%s) from %s", howMany(files, "file", "files"), runner.Size(bytes), filepath.Base(string(d.Archive)))
	return c
}

// planned is an entry as it will be. Whoever opens it gets it out of the archive.
func (d *untarDiff) planned(ctx context.Context, e archive.Entry) runner.File {
	if e.IsDir() {
		return plannedDir(d.path(e), 0o755)
	}
	ctx = context.WithoutCancel(ctx) // the file outlives the Diff that planned it
	return runner.File{
		Path: d.path(e),
		Size: e.Size,
		Mode: e.Mode,
		Sums: map[runner.Algo]string{runner.SHA256: e.SHA256, runner.SHA512: e.SHA512},
		Open: func() (io.ReadCloser, error) {
			r, err := d.world.Open(string(d.Archive))
			if err != nil {
				return nil, err
			}
			return archive.Open(ctx, r, e.Name, archive.Options{})
		},
	}
}

// apply unpacks what is missing or different.
func (d *untarDiff) apply(ctx context.Context, p runner.Progress) error {
	if d.makeInto {
		if _, err := durable.MkdirAll(d.into(), 0o755); err != nil {
			return err
		}
		p.Done(d.intoItem())
	}
	unpacked, err := d.extract(ctx, p)
	if err != nil {
		return fmt.Errorf("unpack %s into %s: %w", d.Archive, d.into(), err)
	}
	d.unpacked = unpacked
	return nil
}

// intoItem is about the directory unpacked into, where it is made.
func (d *untarDiff) intoItem() runner.Item {
	return runner.Item{Op: runner.Create, What: "directory", Name: d.into()}
}

func (d *untarDiff) extract(ctx context.Context, p runner.Progress) ([]archive.Entry, error) {
	root, err := os.OpenRoot(d.into())
	if err != nil {
		return nil, err
	}
	defer root.Close()
	r, err := d.world.Open(string(d.Archive))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return archive.Extract(ctx, r, root, archive.Extraction{
		Options: archive.Options{SHA256: d.SHA256},
		Source:  string(d.Archive),
		Want:    d.entries,
		Have:    func(e archive.Entry) bool { return d.same[e.Name] },
		Moved:   p.Add,
		Done: func(e archive.Entry) {
			if item, ok := d.items[e.Name]; ok {
				p.Done(item)
			}
		},
	})
}
