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
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// items are what a change touches, images first.
func (g *glanceSurvey) items() []runner.Item {
	var items []runner.Item
	for _, f := range g.images {
		items = append(items, f.items()...)
	}
	return append(items, placingItems(g.boot)...)
}

func placingItems(files []hostfiles.Copy) []runner.Item {
	var items []runner.Item
	for _, b := range files {
		if b.Op != "" {
			items = append(items, b.Item())
		}
	}
	return items
}

func (f imageFound) items() []runner.Item {
	d := f.decision
	var items []runner.Item
	add := func(op runner.Op, name, note string) {
		items = append(items, runner.Item{Op: op, What: "image", Name: name, Note: note})
	}
	for _, img := range d.Remnant {
		add(runner.Remove, img.Name, "left by an interrupted upload, "+img.ID)
	}
	if d.Keep == nil {
		items = append(items, f.uploadItem())
	} else {
		for _, img := range d.Old {
			add(runner.Update, img.Name, img.ID+" ("+img.Status+") "+f.fate(img))
		}
		if changes := f.changes(); len(changes) > 0 {
			add(runner.Update, f.Name, "sets "+strings.Join(changes, ", "))
		}
	}
	for _, img := range d.Drop {
		if img.Name != f.Name {
			add(runner.Remove, img.Name, "had the name "+f.Name+" before, "+img.ID)
		}
	}
	return items
}

// changes names what is set of an image that stays.
func (f imageFound) changes() []string {
	d := f.decision
	changes := slices.Sorted(maps.Keys(d.Fix))
	if d.Needs {
		changes = append(changes, "min_disk and min_ram")
	}
	if d.Show {
		changes = append(changes, f.want.Visibility)
	}
	return changes
}

// fate says what becomes of an image that gives up the name.
func (f imageFound) fate(img glance.Image) string {
	if slices.ContainsFunc(f.decision.Drop, func(d glance.Image) bool { return d.ID == img.ID }) {
		return "is deleted after that"
	}
	return "becomes " + glance.Backup(img)
}

// uploadItem is about an image that is not there with the wanted content.
func (f imageFound) uploadItem() runner.Item {
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
		it.Note += "; " + d.Why
	}
	for _, img := range d.Old {
		it.Note += fmt.Sprintf("; %s %s", img.ID, f.fate(img))
	}
	return it
}

// summary tells the whole in a few words.
func (g *glanceSurvey) summary() string {
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
	files := len(placingItems(g.boot))
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

func (g *glanceSurvey) files(w runner.World) []runner.File { return placingFiles(w, g.boot) }

func placingFiles(w runner.World, placed []hostfiles.Copy) []runner.File {
	var files []runner.File
	for _, b := range placed {
		if b.Op != "" {
			files = append(files, b.File(w))
		}
	}
	return files
}

func (g *glanceSurvey) written() map[string]string { return placingsWritten(g.boot) }

func placingsWritten(placed []hostfiles.Copy) map[string]string {
	sums := map[string]string{}
	for _, b := range placed {
		if b.Op != "" {
			sums[b.To] = b.SHA512
		}
	}
	return sums
}

// errWaited is given where something did not happen because of another error,
// which is told by itself.
var errWaited = errors.New("an image that it needs could not be made")

// A glanceRun is one apply: it brings all images side by side to what is wanted.
type glanceRun struct {
	client *glance.Client
	seen   []glance.Image
	slots  map[string]*glanceSlot
	turns  chan struct{} // holds one for each image that is on its way
	tell   runner.Progress
}

// sideBySide is how many images are on their way at once: as many as a release
// has.
const sideBySide = 5

// A glanceSlot is where an image will be.
type glanceSlot struct {
	done chan struct{}
	img  glance.Image
	err  error
}

// apply does all of it, each image as soon as those that it names have their
// ids. It may follow an apply that failed half-way, and then looks at the cloud
// anew.
func (g *glanceSurvey) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	if g.acted {
		var err error
		if g.seen, err = g.list(ctx); err != nil {
			return nil, err
		}
	}
	g.acted = true
	u := glanceRun{client: g.client, seen: g.seen, slots: map[string]*glanceSlot{}, turns: make(chan struct{}, sideBySide), tell: p}
	for _, f := range g.images {
		u.slots[f.Name] = &glanceSlot{done: make(chan struct{})}
	}
	errs := make([]error, len(g.images)+len(g.boot))
	var wg sync.WaitGroup
	for i, f := range g.images {
		wg.Go(func() { errs[i] = u.fill(ctx, f) })
	}
	for i, b := range g.boot {
		if b.Op != "" {
			wg.Go(func() { errs[len(g.images)+i] = b.Do(ctx, p) })
		}
	}
	wg.Wait()
	if err := causes(ctx, errs); err != nil {
		return nil, err
	}
	found := make([]landedImage, len(g.images))
	for i, f := range g.images {
		img := u.slots[f.Name].img
		found[i] = landedImage{f.diskImage, img.ID, glance.BestDigest(img)}
	}
	return imageOutputs(found), nil
}

// causes leaves of the errors of a run those that are no consequences.
func causes(ctx context.Context, errs []error) error {
	if stopped := ctx.Err(); stopped != nil {
		// All that was under way ended with it; one of them says what it was.
		i := slices.IndexFunc(errs, func(err error) bool { return errors.Is(err, stopped) })
		if i < 0 {
			return stopped
		}
		return errs[i]
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, errWaited) })
	return errors.Join(errs...)
}

// fill settles one image and puts it into its slot.
func (u *glanceRun) fill(ctx context.Context, f imageFound) error {
	at := u.slots[f.Name]
	defer close(at.done)
	at.img, at.err = u.settle(ctx, f)
	return at.err
}

func (u *glanceRun) settle(ctx context.Context, f imageFound) (glance.Image, error) {
	ids, err := u.wait(f.diskImage)
	if err != nil {
		return glance.Image{}, err
	}
	select {
	case u.turns <- struct{}{}:
		defer func() { <-u.turns }()
	case <-ctx.Done():
		return glance.Image{}, ctx.Err()
	}
	w := f.want
	w.Properties = f.properties(ids)
	w.Sent = u.tell.Add
	img, err := u.client.Settle(ctx, w, u.seen)
	if err != nil {
		return glance.Image{}, err
	}
	for _, it := range f.items() {
		u.tell.Done(it)
	}
	return img, nil
}

// wait gives the ids of the images that img names, once they have them.
func (u *glanceRun) wait(img diskImage) (map[string]string, error) {
	ids := map[string]string{}
	for _, name := range []string{img.Kernel, img.Ramdisk} {
		if name == "" {
			continue
		}
		from := u.slots[name]
		<-from.done
		if from.err != nil {
			return nil, errWaited
		}
		ids[name] = from.img.ID
	}
	return ids, nil
}
