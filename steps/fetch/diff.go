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
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// A diff is the comparison of the file with what it must be.
type diff struct {
	*fetchFile
	*goal
	world runner.World

	existing    fs.FileInfo      // nil: there is no file
	found       download.Digests // of the existing file
	same        bool             // the existing file has the right content
	chmod       bool             // only its mode is wrong
	size        int64            // of the file to fetch, -1 when unknown
	unreachable []string         // addresses that gave an error during the diff
	notes       []string         // these errors

	filled map[string]runner.Content // what the step says of the file, to which apply adds what it finds
}

// compare finds whether the file is there and has the right content and mode.
func (d *diff) compare(ctx context.Context, prior *runner.Record) error {
	if err := d.checkPlace(); err != nil {
		return err
	}
	if d.existing == nil {
		return nil
	}
	var err error
	if d.found, err = sumsOf(ctx, d.world, d.target(), d.want); err != nil {
		return err
	}
	if d.want.IsZero() {
		d.same = d.asRecorded(prior)
	} else {
		d.same = d.want.Check(d.found) == nil
	}
	if d.same && d.signature != nil {
		d.same = d.verifySigned(d.goal, d.world) == nil
	}
	d.chmod = d.same && d.Mode != "" && d.existing.Mode().Perm() != d.mode()
	return nil
}

// checkPlace finds the existing file. It gives an error when something else has its
// name or its directory is missing.
func (d *diff) checkPlace() error {
	fi, err := d.world.Stat(d.target())
	switch {
	case err == nil && fi.Mode().IsRegular():
		d.existing = fi
		return nil
	case err == nil && fi.IsDir():
		return fault.WithHint(fmt.Errorf("to %s: it is a directory", d.To), "name the file in it")
	case err == nil:
		return fmt.Errorf("to %s: it is in the way: it is not a regular file", d.To)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	dir := filepath.Dir(d.target())
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

// asRecorded reports whether the file is the server's file, when no digest is known
// and only the server can say what the file must be.
func (d *diff) asRecorded(prior *runner.Record) bool {
	if prior != nil && prior.Outputs["path"].String() == d.target() {
		if prior.Outputs["sha256"].String() != d.found.SHA256 {
			return false // the file was changed after it was fetched
		}
		if before := prior.Input("version"); before != "" {
			// The size and a time in whole seconds say less. They say nothing
			// about a file that was fetched in the second in which it was
			// modified.
			return before != noVersion && before == d.remote.Version()
		}
	}
	return d.remote.HasTime(d.existing.ModTime()) && !d.remote.Recent && d.remote.Size == d.existing.Size()
}

// lookAhead finds the size of the file to fetch. It gives an error when the file
// cannot be fetched, cannot be written or does not fit on the disk.
func (d *diff) lookAhead(ctx context.Context) error {
	d.size = -1
	if d.same && !d.chmod && len(d.leftovers()) == 0 {
		return nil
	}
	if err := hostfiles.CheckWritable(filepath.Dir(d.target())); err != nil || d.same {
		return err
	}
	if err := d.findSize(ctx); err != nil {
		return err
	}
	return download.CheckSpace(filepath.Dir(d.target()), d.size-d.leftoverBytes())
}

// leftoverBytes gives the size of what killed runs have left. Those bytes are on
// the disk already: the download continues them or removes them.
func (d *diff) leftoverBytes() int64 {
	var n int64
	for _, name := range d.leftovers() {
		if fi, err := os.Lstat(name); err == nil {
			n += fi.Size()
		}
	}
	return n
}

// findSize asks one address after the other until one gives the size.
func (d *diff) findSize(ctx context.Context) error {
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
		d.unreachable, d.notes = append(d.unreachable, address), append(d.notes, err.Error())
	}
	return errors.Join(errs...)
}

func (d *diff) sizeAt(ctx context.Context, address string) (int64, error) {
	if _, ok := artifactIn(address); ok {
		b, _, err := d.fileAt(ctx, address)
		if err != nil {
			return 0, err
		}
		return b.file.Size, nil
	}
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

// outputs gives the outputs of the existing file or, as far as they are known, of
// the file to fetch.
func (d *diff) outputs() runner.Outputs {
	if d.same {
		return d.fetchFile.outputs(d.found.SHA256, d.existing.Size())
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

// change gives what has to be done, or nil for nothing.
func (d *diff) change(ctx context.Context) *runner.Change {
	c := &runner.Change{Apply: d.apply}
	switch {
	case d.chmod:
		c.Summary = "mode of 1 file"
		note := fmt.Sprintf("mode %04o, was %04o", d.mode(), d.existing.Mode().Perm())
		c.Items = append(c.Items, runner.Item{Op: runner.Update, What: "file", Name: d.target(), Note: note})
		c.Files = append(c.Files, d.keptFile())
	case !d.same:
		c.Summary = "1 file from " + hostOf(d.urls()[0])
		if d.size >= 0 {
			c.Summary = fmt.Sprintf("1 file (%s) from %s", human.Size(d.size), hostOf(d.urls()[0]))
		}
		c.Items = append(c.Items, d.item())
		c.Files = append(c.Files, d.plannedFile(ctx))
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

// hostOf gives the host of an address in words for people.
func hostOf(address string) string {
	if download.LocalPath(address) != "" {
		return "this machine"
	}
	if dir := layoutIn(address); dir != "" {
		return registry.LayoutPrefix + dir
	}
	_, rest, _ := strings.Cut(download.RedactURL(address), "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

func (d *diff) item() runner.Item {
	it := runner.Item{
		Op: runner.Create, What: runner.RegularFile, Name: d.target(), Source: d.sourceName(),
		Bytes: max(d.size, 0), From: digestText(d.found), To: digestText(d.want),
	}
	notes := slices.Clone(d.notes)
	if b := d.blobs[d.urls()[0]]; b != nil {
		notes = append(notes, "artifact "+human.ShortDigest(b.artifact.Digest))
	}
	if d.existing != nil {
		it.Op = runner.Replace
		notes = append(notes, d.whyReplace())
	}
	if d.want.IsZero() && d.signature == nil {
		notes = append(notes, "nothing says what it must be: give sha256 or checksums")
	}
	if n := d.leftoverBytes(); n > 0 {
		notes = append(notes, human.Size(n)+" of an earlier run are there")
	}
	it.Note = strings.Join(notes, "; ")
	return it
}

// sourceName gives the address of the file for people: of an artifact with its digest, as far
// as that is known.
func (d *diff) sourceName() string {
	first := d.urls()[0]
	if b := d.blobs[first]; b != nil {
		return b.address
	}
	return download.RedactURL(first)
}

// fills says what the file is, as far as it is known.
func (d *diff) fills() map[string]runner.Content {
	if d.same {
		return map[string]runner.Content{d.target(): contentOf(d.found, d.existing.Size())}
	}
	return map[string]runner.Content{d.target(): contentOf(d.want, d.size)}
}

// contentOf gives a content with these digests, of a size that is less than 0 if it is not known.
func contentOf(known download.Digests, size int64) runner.Content {
	c := runner.Content{Size: max(size, 0)}
	for _, sum := range digestList(known) {
		c.Digests = append(c.Digests, sum[0]+":"+sum[1])
	}
	return c
}

func (d *diff) whyReplace() string {
	var wrong *download.DigestError
	if errors.As(d.want.Check(d.found), &wrong) {
		return wrong.Error()
	}
	if d.signature != nil {
		return "the existing file is not the signed one"
	}
	return "the server has another file now, or the existing file was changed: its sha256 is " + d.found.SHA256
}

// plannedFile gives the file as it will be. Its content can be read only when its
// source is on this machine.
func (d *diff) plannedFile(ctx context.Context) runner.File {
	f := runner.File{Path: d.target(), Size: max(d.size, 0), Mode: d.mode(), Sums: map[runner.Algo]string{}}
	for _, sum := range digestList(d.want) {
		f.Sums[runner.Algo(sum[0])] = sum[1]
	}
	if local := download.LocalPath(d.urls()[0]); local != "" {
		f.Open = func() (io.ReadCloser, error) { return d.world.Open(local) }
	}
	if b := d.blobs[d.urls()[0]]; b != nil && layoutIn(d.urls()[0]) != "" {
		ctx := context.WithoutCancel(ctx) // others read it later
		f.Open = func() (io.ReadCloser, error) { return d.source(b).Open(ctx, 0) }
	}
	return f
}

// keptFile gives the existing file with its new mode.
func (d *diff) keptFile() runner.File {
	return runner.File{
		Path: d.target(), Size: d.existing.Size(), Mode: d.mode(),
		Sums: map[runner.Algo]string{runner.SHA256: d.found.SHA256},
		Open: func() (io.ReadCloser, error) { return d.world.Open(d.target()) },
	}
}
