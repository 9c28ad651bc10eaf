package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// A fetchDiff is the comparison of the file with what it must be.
type fetchDiff struct {
	*fetchFile
	*fetchGoal
	world runner.World

	there fs.FileInfo      // nil: absent
	found download.Digests // of the file that is there
	same  bool             // it is the one
	chmod bool             // only its mode is another
	size  int64            // of what would come, -1 unknown
	down  []string         // addresses that could not be looked at just now
	notes []string         // why not
}

// compare finds out whether the file is there and is the one.
func (d *fetchDiff) compare(ctx context.Context, prior *runner.Record) error {
	if err := d.checkPlace(); err != nil {
		return err
	}
	if d.there == nil {
		return nil
	}
	var err error
	if d.found, err = sumsOf(ctx, d.world, d.to(), d.want); err != nil {
		return err
	}
	if d.want.IsZero() {
		d.same = d.asRecorded(prior)
	} else {
		d.same = d.want.Check(d.found) == nil
	}
	if d.same && d.signature != nil {
		d.same = d.verifySigned(d.fetchGoal, d.world) == nil
	}
	d.chmod = d.same && d.Mode != "" && d.there.Mode().Perm() != d.mode()
	return nil
}

// checkPlace tells what is in the way of the file, and what is missing for it.
func (d *fetchDiff) checkPlace() error {
	fi, err := d.world.Stat(d.to())
	switch {
	case err == nil && fi.Mode().IsRegular():
		d.there = fi
		return nil
	case err == nil && fi.IsDir():
		return fault.WithHint(fmt.Errorf("to %s: it is a directory", d.To), "name the file in it")
	case err == nil:
		return fmt.Errorf("to %s: it is in the way, as it is no regular file", d.To)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	dir := filepath.Dir(d.to())
	missing, err := hostfiles.MissingDirs(d.world, dir)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		err := fmt.Errorf("to %s: the directory %s is not there", d.To, dir)
		return fault.WithHint(err, "let a mkdir step make it, and name that step under needs")
	}
	return nil
}

// asRecorded says whether the file is the server's although nothing but the
// server tells of it.
func (d *fetchDiff) asRecorded(prior *runner.Record) bool {
	if prior != nil && prior.Outputs["path"].String() == d.to() {
		if prior.Outputs["sha256"].String() != d.found.SHA256 {
			return false // somebody has changed it
		}
		if before := prior.Input("version"); before != "" {
			// A size and an age of whole seconds tell less, and nothing of a file
			// that was fetched in the very second in which it was modified.
			return before != noVersion && before == d.remote.Version()
		}
	}
	at, ok := d.remote.Time()
	return ok && !d.remote.Recent && at.Equal(d.there.ModTime()) && d.remote.Size == d.there.Size()
}

// lookAhead finds out what would come, that it can be had, and that there is
// room for it.
func (d *fetchDiff) lookAhead(ctx context.Context) error {
	d.size = -1
	if d.same && !d.chmod && len(d.leftovers()) == 0 {
		return nil
	}
	if err := hostfiles.CheckWritable(filepath.Dir(d.to())); err != nil || d.same {
		return err
	}
	if err := d.findSize(ctx); err != nil {
		return err
	}
	return download.CheckSpace(filepath.Dir(d.to()), d.size-d.begun())
}

// begun is how much killed runs have left: it is gone on with, or makes room.
func (d *fetchDiff) begun() int64 {
	var n int64
	for _, name := range d.leftovers() {
		if fi, err := os.Lstat(name); err == nil {
			n += fi.Size()
		}
	}
	return n
}

// findSize asks the addresses in turn.
func (d *fetchDiff) findSize(ctx context.Context) error {
	if d.remote != (download.Remote{}) {
		d.size = d.remote.Size
		return nil
	}
	var errs []error
	for _, address := range d.urls() {
		size, err := d.sizeAt(ctx, address)
		if err == nil {
			d.size = size
			return nil
		}
		errs = append(errs, err)
		d.down, d.notes = append(d.down, address), append(d.notes, err.Error())
	}
	return errors.Join(errs...)
}

func (d *fetchDiff) sizeAt(ctx context.Context, address string) (int64, error) {
	if local := download.LocalPath(address); local != "" {
		fi, err := d.world.Stat(local)
		if err != nil {
			return 0, err
		}
		return fi.Size(), nil
	}
	found, err := d.out.Downloads().Look(ctx, d.request(address))
	return found.Size, err
}

// outputs are as they are, or as they will be as far as that is known.
func (d *fetchDiff) outputs() runner.Outputs {
	if d.same {
		return d.fetchFile.outputs(d.found.SHA256, d.there.Size())
	}
	out := d.fetchFile.outputs(d.want.SHA256, d.size)
	if d.want.SHA256 == "" {
		out["sha256"] = plan.Later("after fetch")
	}
	if d.size < 0 {
		out["size"] = plan.Later("after fetch")
	}
	return out
}

// change says what would be done, or nil for nothing.
func (d *fetchDiff) change() *runner.Change {
	c := &runner.Change{Apply: d.apply}
	switch {
	case d.chmod:
		c.Summary = "mode of 1 file"
		note := fmt.Sprintf("mode %04o, was %04o", d.mode(), d.there.Mode().Perm())
		c.Items = append(c.Items, runner.Item{Op: runner.Update, What: "file", Name: d.to(), Note: note})
		c.Files = append(c.Files, d.keptFile())
	case !d.same:
		c.Summary = "1 file from " + hostOf(d.urls()[0])
		if d.size >= 0 {
			c.Summary = fmt.Sprintf("1 file (%s) from %s", human.Size(d.size), hostOf(d.urls()[0]))
		}
		c.Items = append(c.Items, d.item())
		c.Files = append(c.Files, d.plannedFile())
	}
	if d.same {
		for _, name := range d.leftovers() {
			c.Items = append(c.Items, runner.Item{Op: runner.Remove, What: "leftover", Name: name, Note: "of a run that was killed"})
		}
	}
	if len(c.Items) == 0 {
		return nil
	}
	if c.Summary == "" {
		c.Summary = human.Count(len(c.Items), "leftover", "leftovers")
	}
	return c
}

// hostOf gives the host of an address for people.
func hostOf(address string) string {
	if download.LocalPath(address) != "" {
		return "this machine"
	}
	_, rest, _ := strings.Cut(download.RedactURL(address), "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

func (d *fetchDiff) item() runner.Item {
	it := runner.Item{Op: runner.Create, What: "file", Name: d.to(), Bytes: max(d.size, 0)}
	notes := slices.Clone(d.notes)
	if d.there != nil {
		it.Op = runner.Replace
		notes = append(notes, d.whyReplace())
	}
	if d.want.IsZero() && d.signature == nil {
		notes = append(notes, "nothing says what it must be: give sha256 or checksums")
	}
	if n := d.begun(); n > 0 {
		notes = append(notes, human.Size(n)+" of an earlier run are there")
	}
	it.Note = strings.Join(notes, "; ")
	return it
}

func (d *fetchDiff) whyReplace() string {
	var wrong *download.DigestError
	if errors.As(d.want.Check(d.found), &wrong) {
		return wrong.Error()
	}
	if d.signature != nil {
		return "the one that is there is not what was signed"
	}
	return "the server has another one now, or the one that is there was changed: its sha256 is " + d.found.SHA256
}

// plannedFile is the file as it will be. What is in it nobody knows yet,
// unless it comes from this machine.
func (d *fetchDiff) plannedFile() runner.File {
	f := runner.File{Path: d.to(), Size: max(d.size, 0), Mode: d.mode(), Sums: map[runner.Algo]string{}}
	for _, sum := range digestList(d.want) {
		f.Sums[runner.Algo(sum[0])] = sum[1]
	}
	if local := download.LocalPath(d.urls()[0]); local != "" {
		f.Open = func() (io.ReadCloser, error) { return d.world.Open(local) }
	}
	return f
}

// keptFile is a file of which only the mode changes.
func (d *fetchDiff) keptFile() runner.File {
	return runner.File{
		Path: d.to(), Size: d.there.Size(), Mode: d.mode(),
		Sums: map[runner.Algo]string{runner.SHA256: d.found.SHA256},
		Open: func() (io.ReadCloser, error) { return d.world.Open(d.to()) },
	}
}
