package steps

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/diskimage"
	"github.com/bayplan/bayplan/steps/internal/glance"
)

// items are what a change touches, images first.
func (g *glanceSurvey) items() []runner.Item {
	var items []runner.Item
	for _, f := range g.images {
		items = append(items, f.items()...)
	}
	for _, b := range g.boot {
		if b.op != "" {
			items = append(items, b.item())
		}
	}
	return items
}

func (f imageFound) items() []runner.Item {
	d := f.decision
	var items []runner.Item
	for _, img := range d.Remnant {
		items = append(items, runner.Item{
			Op: runner.Remove, What: "image", Name: img.Name, Note: "left by an interrupted upload, " + img.ID,
		})
	}
	if d.Keep == nil {
		return append(items, f.uploadItem())
	}
	for _, img := range d.Old {
		items = append(items, runner.Item{
			Op: runner.Update, What: "image", Name: img.Name, Note: img.ID + " (" + img.Status + ") becomes " + glance.Backup(img),
		})
	}
	if len(d.Fix) > 0 || d.Show {
		changes := slices.Sorted(maps.Keys(d.Fix))
		if d.Show {
			changes = append(changes, f.want.Visibility)
		}
		items = append(items, runner.Item{Op: runner.Update, What: "image", Name: f.Name, Note: "sets " + strings.Join(changes, ", ")})
	}
	return items
}

// uploadItem is about an image that is not there with the wanted content.
func (f imageFound) uploadItem() runner.Item {
	d := f.decision
	it := runner.Item{Op: runner.Create, What: "image", Name: f.Name, Bytes: f.file.Size, Note: f.Disk + ", " + f.want.Visibility}
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
		it.Note += fmt.Sprintf("; %s becomes %s", img.ID, glance.Backup(img))
	}
	return it
}

// summary tells the whole in a few words.
func (g *glanceSurvey) summary() string {
	var parts []string
	var uploads, files int
	var bytes int64
	replaced := false
	for _, f := range g.images {
		if f.decision.Keep == nil {
			uploads++
			bytes += f.uploadItem().Bytes
			replaced = replaced || len(f.decision.Old) > 0
		}
	}
	for _, b := range g.boot {
		if b.op != "" {
			files++
		}
	}
	if uploads > 0 {
		parts = append(parts, howMany(uploads, "image", "images")+" ("+runner.Size(bytes)+") to upload")
	} else if len(g.items()) > files {
		parts = append(parts, "images to set right")
	}
	if files > 0 {
		parts = append(parts, howMany(files, "boot file", "boot files")+" to place")
	}
	if replaced {
		// Nodes hold the ids of the images that they boot.
		parts = append(parts, "then run: openstack overcloud node configure")
	}
	return strings.Join(parts, ", ")
}

func (g *glanceSurvey) files(w runner.World) []runner.File {
	var files []runner.File
	for _, b := range g.boot {
		if b.op != "" {
			files = append(files, b.file(w))
		}
	}
	return files
}

// errWaited is given where something did not happen because of another error,
// which is told by itself.
var errWaited = errors.New("an image that it needs could not be made")

// A glanceRun is one apply: it brings all images side by side to what is wanted.
type glanceRun struct {
	client *glance.Client
	seen   []glance.Image
	slots  map[string]*glanceSlot
	tell   runner.Progress
}

// A glanceSlot is where an image's id will be.
type glanceSlot struct {
	done chan struct{}
	id   string
	err  error
}

// apply does all of it, each image as soon as those that it names have their
// ids. It looks at the cloud anew, so it may follow an apply that failed
// half-way.
func (g *glanceSurvey) apply(ctx context.Context, p runner.Progress) error {
	seen, err := g.list(ctx)
	if err != nil {
		return err
	}
	u := glanceRun{client: g.client, seen: seen, slots: map[string]*glanceSlot{}, tell: p}
	for _, f := range g.images {
		u.slots[f.Name] = &glanceSlot{done: make(chan struct{})}
	}
	errs := make([]error, len(g.images)+len(g.boot))
	var wg sync.WaitGroup
	for i, f := range g.images {
		wg.Go(func() { errs[i] = u.fill(ctx, f) })
	}
	for i, b := range g.boot {
		if b.op != "" {
			wg.Go(func() { errs[len(g.images)+i] = b.do(ctx, p) })
		}
	}
	wg.Wait()
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

// fill settles one image and puts its id into its slot.
func (u *glanceRun) fill(ctx context.Context, f imageFound) error {
	at := u.slots[f.Name]
	defer close(at.done)
	at.id, at.err = u.settle(ctx, f)
	return at.err
}

func (u *glanceRun) settle(ctx context.Context, f imageFound) (string, error) {
	ids, err := u.wait(f.diskImage)
	if err != nil {
		return "", err
	}
	w := f.want
	w.Properties = f.properties(ids)
	w.Sent = u.tell.Add
	w.Open = f.open
	img, err := u.client.Settle(ctx, w, u.seen)
	if err != nil {
		return "", err
	}
	for _, it := range f.items() {
		u.tell.Done(it)
	}
	return img.ID, nil
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
		ids[name] = from.id
	}
	return ids, nil
}

// open opens the file to upload. What is uploaded is the file that was opened,
// so that is the one whose header counts.
func (f imageFound) open() (glance.File, error) {
	file, err := os.Open(f.file.Path)
	if err != nil {
		return nil, err
	}
	if f.Disk != "qcow2" {
		return file, nil
	}
	if err := diskimage.CheckQCOW2(file, f.file.Size); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is not uploaded: %w", f.file.Path, err), file.Close())
	}
	return file, nil
}
