package glanceupload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// items gives what a change touches, images first.
func (g *cloudSurvey) items() []runner.Item {
	var items []runner.Item
	for _, f := range g.images {
		items = append(items, f.items()...)
	}
	return append(items, g.boot.items()...)
}

func (f cloudImage) items() []runner.Item {
	d := f.decision
	var items []runner.Item
	add := func(op runner.Op, name, note, digest string) {
		items = append(items, runner.Item{Op: op, What: runner.Image, Name: name, Note: note, From: digest})
	}
	for _, img := range d.Leftover {
		add(runner.Remove, img.Name, "left by an interrupted upload, "+img.ID, glance.BestDigest(img))
	}
	if d.Keep == nil {
		items = append(items, f.uploadItem())
	} else {
		for _, img := range d.Old {
			add(runner.Update, img.Name, img.ID+" ("+img.Status+") "+f.disposition(img), glance.BestDigest(img))
		}
		if changes := f.changes(); len(changes) > 0 {
			add(runner.Update, f.Name, "sets "+strings.Join(changes, ", "), "")
		}
	}
	for _, img := range d.Delete {
		if img.Name != f.Name {
			add(runner.Remove, img.Name, "had the name "+f.Name+" before, "+img.ID, glance.BestDigest(img))
		}
	}
	return items
}

// changes names the attributes and properties that are set of an image that stays.
func (f cloudImage) changes() []string {
	d := f.decision
	changes := slices.Sorted(maps.Keys(d.SetProperties))
	if d.SetMinimums {
		changes = append(changes, "min_disk and min_ram")
	}
	if d.SetVisibility {
		changes = append(changes, f.want.Visibility)
	}
	return changes
}

// disposition says what happens to an image that gives up the name.
func (f cloudImage) disposition(img glance.Image) string {
	if slices.ContainsFunc(f.decision.Delete, func(d glance.Image) bool { return d.ID == img.ID }) {
		return "is deleted after that"
	}
	return "becomes " + glance.Backup(img)
}

// uploadItem gives the item of an image that must be uploaded.
func (f cloudImage) uploadItem() runner.Item {
	d := f.decision
	it := runner.Item{
		Op: runner.Create, What: runner.Image, Name: f.Name, Source: f.file.Path, Bytes: f.want.Size,
		Note: f.want.DiskFormat + ", " + f.want.Visibility, To: checksum.Text("sha512", f.want.SHA512),
	}
	if f.convert {
		it.Note += ", unpacked from qcow2"
	}
	if d.Staged != nil {
		it.Note += "; continues an interrupted upload"
		if d.Staged.Status == glance.Active {
			it.Bytes = 0
		}
	}
	if len(d.Old) > 0 {
		it.Op, it.From = runner.Replace, glance.BestDigest(d.Old[0])
		it.Note += "; " + d.Reason
	}
	for _, img := range d.Old {
		it.Note += fmt.Sprintf("; %s %s", img.ID, f.disposition(img))
	}
	return it
}

// summary describes the change in a few words.
func (g *cloudSurvey) summary() string {
	var parts []string
	var uploads int
	var bytes int64
	replaced := false
	for _, f := range g.images {
		if f.decision.Keep == nil {
			uploads++
			bytes += f.uploadItem().Bytes
			replaced = replaced || len(f.decision.Old) > 0
		}
	}
	files := len(g.boot.toDo())
	if uploads > 0 {
		parts = append(parts, human.Count(uploads, "image", "images")+" ("+human.Size(bytes)+") to upload")
	} else if len(g.items()) > files {
		parts = append(parts, "images to set right")
	}
	if files > 0 {
		parts = append(parts, human.Count(files, "boot file", "boot files")+" to place")
	}
	if replaced && g.release {
		// Nodes refer to the images that they boot by their ids.
		parts = append(parts, "then run: openstack overcloud node configure")
	}
	return strings.Join(parts, ", ")
}

func (g *cloudSurvey) files() []runner.File { return g.boot.files() }

func (g *cloudSurvey) written() *writtenFiles { return &g.wrote }

// errNeededImage is the error of an image whose kernel or ramdisk failed. It is left out
// of the error of apply, which has the error of the other image.
var errNeededImage = errors.New("an image that it needs could not be made")

// A cloudRun is one apply. It brings several images at once to what is wanted.
type cloudRun struct {
	client   *glance.Client
	seen     []glance.Image
	results  map[string]*imageResult
	sem      chan struct{} // holds one value for each image that is being uploaded
	progress runner.Progress
}

// maxParallel is how many images are uploaded at once: as many as a release has.
const maxParallel = 5

// An imageResult is the result for one image. It may be read after done is closed.
type imageResult struct {
	done chan struct{}
	img  glance.Image
	err  error
}

// apply makes all changes, those of an image as soon as its kernel and ramdisk have their
// ids. After an apply that failed it lists the images again.
func (g *cloudSurvey) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	if g.stale {
		var err error
		if g.seen, err = g.list(ctx); err != nil {
			return nil, err
		}
	}
	g.stale = true
	run := cloudRun{client: g.client, seen: g.seen, results: map[string]*imageResult{}, sem: make(chan struct{}, maxParallel), progress: p}
	for _, f := range g.images {
		run.results[f.Name] = &imageResult{done: make(chan struct{})}
	}
	boot := g.boot.toDo()
	errs := make([]error, len(g.images)+len(boot))
	var wg sync.WaitGroup
	for i, f := range g.images {
		wg.Go(func() { errs[i] = run.converge(ctx, f) })
	}
	for i, b := range boot {
		wg.Go(func() { errs[len(g.images)+i] = g.wrote.place(ctx, b, p) })
	}
	wg.Wait()
	if err := withoutConsequences(ctx, errs); err != nil {
		return nil, err
	}
	found := make([]storedImage, len(g.images))
	for i, f := range g.images {
		img := run.results[f.Name].img
		found[i] = storedImage{f.diskImage, img.ID, glance.BestDigest(img)}
	}
	return imageOutputs(found), nil
}

// failedImage tells programs which image could not be brought to where it has to be.
func failedImage(err error, name, source string) error {
	return fault.WithProblems(err, fault.Problem{Kind: "failed", What: string(runner.Image), Name: name, Source: source})
}

// withoutConsequences joins the errors of a run, except those that follow from others.
func withoutConsequences(ctx context.Context, errs []error) error {
	if stopped := ctx.Err(); stopped != nil {
		// Everything that was running ended with the same error. One of them says what
		// was running.
		i := slices.IndexFunc(errs, func(err error) bool { return errors.Is(err, stopped) })
		if i < 0 {
			return stopped
		}
		return errs[i]
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, errNeededImage) })
	return errors.Join(errs...)
}

// converge brings one image to what is wanted and sets its result.
func (r *cloudRun) converge(ctx context.Context, f cloudImage) error {
	result := r.results[f.Name]
	defer close(result.done)
	result.img, result.err = r.convergeAfterLinks(ctx, f)
	return result.err
}

func (r *cloudRun) convergeAfterLinks(ctx context.Context, f cloudImage) (glance.Image, error) {
	ids, err := r.waitForLinks(f.diskImage)
	if err != nil {
		return glance.Image{}, err
	}
	select {
	case r.sem <- struct{}{}:
		defer func() { <-r.sem }()
	case <-ctx.Done():
		return glance.Image{}, ctx.Err()
	}
	began := time.Now()
	w := f.want
	w.Properties = f.properties(ids)
	w.OnSent = r.progress.Add
	twin := ""
	w.OnTwin = func(kept glance.Image) {
		twin = "; another run has uploaded the same content at the same time: its image " + kept.ID + " stays, the own one is deleted"
	}
	img, err := r.client.Converge(ctx, w, r.seen)
	if err != nil {
		return glance.Image{}, failedImage(err, f.Name, f.file.Path)
	}
	for _, it := range f.items() {
		if it.Name == f.Name {
			it.Note += twin
			it.Began = began
		}
		r.progress.Done(it)
	}
	return img, nil
}

// waitForLinks waits for the kernel and the ramdisk of an image and gives their ids.
func (r *cloudRun) waitForLinks(img diskImage) (map[string]string, error) {
	ids := map[string]string{}
	for _, name := range []string{img.Kernel, img.Ramdisk} {
		if name == "" {
			continue
		}
		link := r.results[name]
		<-link.done
		if link.err != nil {
			return nil, errNeededImage
		}
		ids[name] = link.img.ID
	}
	return ids, nil
}
