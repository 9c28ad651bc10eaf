package glanceupload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// items are what a change touches, images first.
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
	add := func(op runner.Op, name, note string) {
		items = append(items, runner.Item{Op: op, What: "image", Name: name, Note: note})
	}
	for _, img := range d.Leftover {
		add(runner.Remove, img.Name, "left by an interrupted upload, "+img.ID)
	}
	if d.Keep == nil {
		items = append(items, f.uploadItem())
	} else {
		for _, img := range d.Old {
			add(runner.Update, img.Name, img.ID+" ("+img.Status+") "+f.disposition(img))
		}
		if changes := f.changes(); len(changes) > 0 {
			add(runner.Update, f.Name, "sets "+strings.Join(changes, ", "))
		}
	}
	for _, img := range d.Delete {
		if img.Name != f.Name {
			add(runner.Remove, img.Name, "had the name "+f.Name+" before, "+img.ID)
		}
	}
	return items
}

// changes names what is set of an image that stays.
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

// disposition says what becomes of an image that gives up the name.
func (f cloudImage) disposition(img glance.Image) string {
	if slices.ContainsFunc(f.decision.Delete, func(d glance.Image) bool { return d.ID == img.ID }) {
		return "is deleted after that"
	}
	return "becomes " + glance.Backup(img)
}

// uploadItem is about an image that is not there with the wanted content.
func (f cloudImage) uploadItem() runner.Item {
	d := f.decision
	it := runner.Item{Op: runner.Create, What: "image", Name: f.Name, Bytes: f.want.Size, Note: f.want.DiskFormat + ", " + f.want.Visibility}
	if f.convert {
		it.Note += ", unpacked from qcow2"
	}
	if d.Staged != nil {
		it.Note += "; goes on with an interrupted upload"
		if d.Staged.Status == glance.Active {
			it.Bytes = 0
		}
	}
	if len(d.Old) > 0 {
		it.Op = runner.Replace
		it.Note += "; " + d.Reason
	}
	for _, img := range d.Old {
		it.Note += fmt.Sprintf("; %s %s", img.ID, f.disposition(img))
	}
	return it
}

// summary tells the whole in a few words.
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
		// Nodes hold the ids of the images that they boot.
		parts = append(parts, "then run: openstack overcloud node configure")
	}
	return strings.Join(parts, ", ")
}

func (g *cloudSurvey) files() []runner.File { return g.boot.files() }

func (g *cloudSurvey) written() map[string]string { return g.boot.written() }

// errNeededImage is given where something did not happen because of another error,
// which is told by itself.
var errNeededImage = errors.New("an image that it needs could not be made")

// A cloudRun is one apply: it brings all images side by side to what is wanted.
type cloudRun struct {
	client   *glance.Client
	seen     []glance.Image
	results  map[string]*imageResult
	sem      chan struct{} // holds one for each image that is on its way
	progress runner.Progress
}

// maxParallel is how many images are on their way at once: as many as a release
// has.
const maxParallel = 5

// A imageResult is where an image will be.
type imageResult struct {
	done chan struct{}
	img  glance.Image
	err  error
}

// apply does all of it, each image as soon as those that it names have their
// ids. It may follow an apply that failed half-way, and then looks at the cloud
// anew.
func (g *cloudSurvey) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	if g.stale {
		var err error
		if g.seen, err = g.list(ctx); err != nil {
			return nil, err
		}
	}
	g.stale = true
	u := cloudRun{client: g.client, seen: g.seen, results: map[string]*imageResult{}, sem: make(chan struct{}, maxParallel), progress: p}
	for _, f := range g.images {
		u.results[f.Name] = &imageResult{done: make(chan struct{})}
	}
	boot := g.boot.toDo()
	errs := make([]error, len(g.images)+len(boot))
	var wg sync.WaitGroup
	for i, f := range g.images {
		wg.Go(func() { errs[i] = u.run(ctx, f) })
	}
	for i, b := range boot {
		wg.Go(func() { errs[len(g.images)+i] = b.Do(ctx, p) })
	}
	wg.Wait()
	if err := withoutConsequences(ctx, errs); err != nil {
		return nil, err
	}
	found := make([]storedImage, len(g.images))
	for i, f := range g.images {
		img := u.results[f.Name].img
		found[i] = storedImage{f.diskImage, img.ID, glance.BestDigest(img)}
	}
	return imageOutputs(found), nil
}

// withoutConsequences leaves of the errors of a run those that are no consequences.
func withoutConsequences(ctx context.Context, errs []error) error {
	if stopped := ctx.Err(); stopped != nil {
		// All that was under way ended with it; one of them says what it was.
		i := slices.IndexFunc(errs, func(err error) bool { return errors.Is(err, stopped) })
		if i < 0 {
			return stopped
		}
		return errs[i]
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, errNeededImage) })
	return errors.Join(errs...)
}

// run brings one image to what is wanted and keeps the result.
func (u *cloudRun) run(ctx context.Context, f cloudImage) error {
	at := u.results[f.Name]
	defer close(at.done)
	at.img, at.err = u.converge(ctx, f)
	return at.err
}

func (u *cloudRun) converge(ctx context.Context, f cloudImage) (glance.Image, error) {
	ids, err := u.waitForLinks(f.diskImage)
	if err != nil {
		return glance.Image{}, err
	}
	select {
	case u.sem <- struct{}{}:
		defer func() { <-u.sem }()
	case <-ctx.Done():
		return glance.Image{}, ctx.Err()
	}
	w := f.want
	w.Properties = f.properties(ids)
	w.OnSent = u.progress.Add
	img, err := u.client.Converge(ctx, w, u.seen)
	if err != nil {
		return glance.Image{}, err
	}
	for _, it := range f.items() {
		u.progress.Done(it)
	}
	return img, nil
}

// waitForLinks gives the ids of the images that img names, once they have them.
func (u *cloudRun) waitForLinks(img diskImage) (map[string]string, error) {
	ids := map[string]string{}
	for _, name := range []string{img.Kernel, img.Ramdisk} {
		if name == "" {
			continue
		}
		from := u.results[name]
		<-from.done
		if from.err != nil {
			return nil, errNeededImage
		}
		ids[name] = from.img.ID
	}
	return ids, nil
}
