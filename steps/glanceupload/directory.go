package glanceupload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// directoryMode is the mode of directories of images that are made.
const directoryMode fs.FileMode = 0o775

// A directorySurvey is an imageSurvey of a directory that is used instead of an image
// service.
type directorySurvey struct {
	dir     string
	missing []string // directories that must be made, outermost first
	denied  error    // the error if they cannot be made
	images  []directoryImage
	boot    bootCopies
	prior   *runner.Record
	wrote   writtenFiles
}

// A directoryImage is one image file of the directory, and what must be done about it.
type directoryImage struct {
	diskImage
	file     imageFile
	convert  bool
	to       imageFile // the file in the directory
	size     int64     // of the wanted content
	sum      string    // SHA-512 of the wanted content; "": computed when it is written
	onSHA512 func(sha512 string)

	op      runner.Op // "" for nothing
	note    string
	have    string   // SHA-512 of the present file that is replaced; "": not known
	backup  string   // new path of the present file; "": it stays or there is none
	surplus []string // paths of older files that should not be there now
	drop    []string // paths of older files that are removed, with the backup counted
}

// directory gives the directory of the images of the step's architecture.
func (s *glanceUpload) directory() string {
	below := s.Architecture
	if s.Platform != "" {
		below = s.Platform + "-" + s.Architecture
	}
	return filepath.Join(s.toDirectory(), below)
}

func (s *glanceUpload) surveyDirectory(ctx context.Context, w runner.World, files map[string]imageFile, d *directorySurvey) (imageSurvey, error) {
	d.dir = s.directory()
	var err error
	d.missing, err = hostfiles.MissingDirs(w, d.dir)
	switch {
	case errors.Is(err, fs.ErrPermission): // it matters only if something must be written
		d.missing, d.denied = []string{d.dir}, err
	case err != nil:
		return nil, err
	}
	for _, img := range s.diskImages() {
		f := directoryImage{diskImage: img, file: files[img.File], convert: s.converts(img), to: imageFile{Path: filepath.Join(d.dir, s.storedName(img)), world: w}}
		if err := f.findWanted(ctx, d.prior, s.applying); err != nil {
			return nil, err
		}
		if err := f.compare(ctx, s.applying); err != nil {
			return nil, err
		}
		if s.replaces() {
			if err := f.planBackups(ctx, d.prior, s.Keep); err != nil {
				return nil, err
			}
		}
		d.images = append(d.images, f)
	}
	return d, nil
}

// findWanted finds the size and the digest that the file must have. The digest of an
// unpacked image is known if the step's last success recorded it. In an apply a source
// that must be copied anyway is not hashed before.
func (f *directoryImage) findWanted(ctx context.Context, prior *runner.Record, applying bool) error {
	if _, err := f.to.Stat(); applying && !f.convert && errors.Is(err, fs.ErrNotExist) {
		f.size, f.onSHA512 = f.file.Size, f.file.SHA512Rememberer()
		return nil
	}
	sum, err := f.file.SHA512(ctx)
	if err != nil {
		return err
	}
	f.size, f.sum = f.file.Size, sum
	if !f.convert {
		return nil
	}
	if f.size, err = f.file.VirtualSize(); err != nil {
		return err
	}
	f.sum = f.recordedFor(prior, sum)
	return nil
}

// recordedFor gives the digest that the image had after it was unpacked from a file with
// this digest; "" if that is not recorded.
func (f *directoryImage) recordedFor(prior *runner.Record, sum string) string {
	if prior == nil || prior.Input(filepath.Base(f.file.Path)) != checksum.Text("sha512", sum) && prior.Input(f.file.Path) != checksum.Text("sha512", sum) {
		return ""
	}
	return f.recorded(prior)
}

// recorded gives the digest that the image had after the step's last success; "" if that
// is not recorded.
func (f *directoryImage) recorded(prior *runner.Record) string {
	if prior == nil {
		return ""
	}
	for _, d := range prior.Outputs["digests"].Items() {
		if hex, ok := strings.CutPrefix(d, f.Name+"@sha512:"); ok {
			return hex
		}
	}
	return ""
}

// compare compares the present file with the wanted one.
func (f *directoryImage) compare(ctx context.Context, applying bool) error {
	fi, err := f.to.Stat()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.op, f.note = runner.Create, "from "+f.file.Path
		if f.convert {
			f.sum = "" // computed when it is written
		}
		return nil
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%s is in the way: it is not a regular file", f.to.Path)
	}
	f.to.Size = fi.Size()
	same, err := f.hasContent(ctx, applying)
	if err != nil {
		return err
	}
	if !same {
		f.op, f.backup = runner.Replace, backupPath(f.to.Path, fi.ModTime())
		f.note = "its content differs; it becomes " + filepath.Base(f.backup)
		if f.have == "" {
			f.note = fmt.Sprintf("its content differs; it has %s and becomes %s", human.Size(fi.Size()), filepath.Base(f.backup))
		}
	}
	return nil
}

// hasContent reports whether the present file has the wanted content. If the recorded
// digest of an unpacked image differs from the file's, the image is unpacked to make
// sure.
func (f *directoryImage) hasContent(ctx context.Context, applying bool) (bool, error) {
	if f.to.Size != f.size {
		var err error
		if f.have = f.to.RecallSHA512(); f.have == "" && !applying {
			f.have, err = hostfiles.Shown(ctx, f.to.world, f.to.Path, runner.SHA512)
		}
		return false, err
	}
	have, err := f.to.SHA512(ctx)
	if f.have = have; err != nil || have == f.sum || !f.convert {
		return have == f.sum, err
	}
	f.sum, err = f.file.UnpackedSHA512(ctx)
	return have == f.sum, err
}

func (d *directorySurvey) items() []runner.Item {
	var items []runner.Item
	for _, f := range d.images {
		items = append(items, f.items()...)
	}
	items = append(items, d.boot.items()...)
	if len(items) == 0 {
		return nil
	}
	return append(newDirectories(d.missing), items...)
}

func newDirectories(paths []string) []runner.Item {
	var items []runner.Item
	for _, path := range paths {
		items = append(items, runner.Item{Op: runner.Create, What: "directory", Name: path})
	}
	return items
}

func (f directoryImage) items() []runner.Item {
	var items []runner.Item
	if f.op != "" {
		it := runner.Item{
			Op: f.op, What: runner.Image, Name: f.to.Path, Source: f.file.Path, Bytes: f.size, Note: f.note,
			From: checksum.Text("sha512", f.have), To: checksum.Text("sha512", f.sum),
		}
		if f.convert {
			it.Note += ", unpacked from qcow2"
		}
		items = append(items, it)
	}
	for _, path := range f.drop {
		items = append(items, runner.Item{Op: runner.Remove, What: "file", Name: path, Note: "had the name " + filepath.Base(f.to.Path) + " before"})
	}
	return items
}

func (d *directorySurvey) summary() string {
	var parts []string
	n, bytes, drops := 0, int64(0), 0
	for _, f := range d.images {
		if f.op != "" {
			n++
			bytes += f.size
		}
		drops += len(f.drop)
	}
	if n > 0 {
		parts = append(parts, human.Count(n, "image", "images")+" ("+human.Size(bytes)+") to place")
	}
	if drops > 0 {
		parts = append(parts, human.Count(drops, "older image", "older images")+" to remove")
	}
	if files := len(d.boot.toDo()); files > 0 {
		parts = append(parts, human.Count(files, "boot file", "boot files")+" to place")
	}
	return strings.Join(parts, ", ")
}

func (d *directorySurvey) fills(runner.Outputs) map[string]runner.Content {
	fills := d.boot.fills()
	for _, f := range d.images {
		c := runner.Content{Size: f.size}
		if f.sum != "" {
			c.Digests = []string{checksum.Text("sha512", f.sum)}
		}
		fills[f.to.Path] = c
	}
	return fills
}

func (d *directorySurvey) notes() []string { return nil }

func (d *directorySurvey) files() []runner.File {
	var files []runner.File
	for _, path := range d.missing {
		files = append(files, hostfiles.PlannedDir(path, directoryMode))
	}
	for _, f := range d.images {
		if f.op != "" {
			files = append(files, f.planned())
		}
	}
	return append(files, d.boot.files()...)
}

func (d *directorySurvey) checkFiles() error {
	errs := []error{d.checkWritable()}
	checked := map[string]bool{}
	for _, f := range d.images {
		if f.op != "" {
			checked[f.file.Path] = true
			errs = append(errs, f.file.Check(f.Disk, f.convert))
		}
	}
	return errors.Join(append(errs, d.boot.checkSources(checked)...)...)
}

// checkWritable gives an error if something must be written into the directory and this
// is not allowed.
func (d *directorySurvey) checkWritable() error {
	touched := slices.ContainsFunc(d.images, func(f directoryImage) bool { return len(f.items()) > 0 })
	if d.denied != nil || !touched || len(d.missing) > 0 {
		return d.denied
	}
	return hostfiles.CheckWritable(d.dir)
}

// apply places all files, several at once.
func (d *directorySurvey) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	made, err := durable.MkdirAll(d.dir, directoryMode)
	if err != nil {
		return nil, err
	}
	for _, it := range newDirectories(made) {
		p.Done(it)
	}
	boot := d.boot.toDo()
	errs := make([]error, len(d.images)+len(boot))
	var wg sync.WaitGroup
	sem := make(chan struct{}, maxParallel)
	for i := range d.images {
		wg.Go(func() {
			sem <- struct{}{}
			f := &d.images[i]
			if errs[i] = failedImage(f.apply(ctx, p), f.to.Path, f.file.Path); errs[i] == nil && f.op != "" {
				d.wrote.add(f.to.Path, f.sum)
			}
			<-sem
		})
	}
	for i, b := range boot {
		wg.Go(func() { errs[len(d.images)+i] = d.wrote.place(ctx, b, p) })
	}
	wg.Wait()
	if err := withoutConsequences(ctx, errs); err != nil {
		return nil, err
	}
	return d.outputs(), nil
}

func (d *directorySurvey) written() *writtenFiles { return &d.wrote }

func (d *directorySurvey) outputs() runner.Outputs {
	found := make([]storedImage, len(d.images))
	paths := map[string]string{}
	for i, f := range d.images {
		paths[f.Name] = "file://" + f.to.Path
		found[i] = storedImage{diskImage: f.diskImage, id: paths[f.Name]}
		found[i].digest = checksum.Text("sha512", f.sum)
	}
	out := imageOutputs(found)
	if _, later := out["ids"].Later(); later { // only what they hold is not known: where they are is
		ids := make([]string, len(found))
		for i, f := range found {
			ids[i] = f.id
		}
		out["ids"] = plan.List(ids...)
	}
	return out
}

func (d *directorySurvey) problems() error {
	var errs []error
	for _, f := range d.images {
		m := &glance.Drift{About: fault.Problem{What: "image", Name: f.Name, Source: f.file.Path, Have: f.to.Path}, Where: d.dir}
		switch f.op {
		case runner.Create:
			m.About.Kind, m.Says = "missing", "it is not there"
		case runner.Replace:
			m.About.Kind, m.Says = "drifted", "its content differs from "+f.file.Path
		default:
			m = nil
		}
		if m != nil {
			errs = append(errs, m)
		}
		for _, path := range f.surplus {
			errs = append(errs, &glance.Drift{
				About: fault.Problem{Kind: "extra", What: "image", Name: f.Name, Have: path},
				Where: d.dir, Says: "an older one is still there: " + filepath.Base(path),
			})
		}
	}
	return errors.Join(append(errs, d.boot.problems()...)...)
}
