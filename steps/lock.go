package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/registry"
)

// A Lock holds what the tags of images stand for, so that a plan means the
// same images at every run and on every host. A tag that is looked up is
// locked; from then on the registry is not asked what it stands for.
type Lock struct {
	// Strict refuses to look up a tag that is not locked.
	Strict bool
	// Watchful has steps tell of locked tags that stand for something else by
	// now. That costs a HEAD for each.
	Watchful bool

	file *lockfile.File

	mu   sync.Mutex // steps run beside each other
	told map[string]bool
}

// ReadLock reads a lock file. One that is not there is empty; with no path, the
// lock lasts as long as the process.
func ReadLock(path string) (*Lock, error) {
	file, err := lockfile.Read(path)
	if err != nil {
		return nil, err
	}
	return &Lock{file: file, told: map[string]bool{}}, nil
}

// Forget unlocks the images, written HOST/NAME:TAG, that a pattern matches, in
// which * stands for any text. It gives how many these are.
func (l *Lock) Forget(pattern string) int { return l.file.Forget(pattern) }

// Prune unlocks the images that no step has asked for.
func (l *Lock) Prune() { l.file.Prune() }

// Changes gives what Save would change.
func (l *Lock) Changes() []lockfile.Change { return l.file.Changes() }

// Len is how many images are locked.
func (l *Lock) Len() int { return l.file.Len() }

// Save writes what was looked up.
func (l *Lock) Save() error { return l.file.Write() }

// UseLock has all look-ups of tags go through a lock.
func (o *Outside) UseLock(l *Lock) { o.lock = l }

// lockName is what an image is called in the lock file; "" for what cannot be
// locked: an image by digest, or in a layout.
func lockName(image string) string {
	if _, _, layout := registry.CutLayout(image); layout || strings.Contains(image, "@") {
		return ""
	}
	host, repository, tag, err := registry.Split(image)
	if err != nil || tag == "" {
		return ""
	}
	return host + "/" + repository + ":" + tag
}

// locked gives what an image's tag is locked to; "": look it up. That it may
// not be looked up is an error.
func (o *Outside) locked(image string) (string, error) {
	name := lockName(image)
	if o.lock == nil || name == "" {
		return "", nil
	}
	sum, ok := o.lock.file.Digest(name)
	if !ok && o.lock.Strict {
		err := fmt.Errorf("the tag of %s is not locked, and --locked allows no look-up", name)
		return "", fault.WithHint(err, "bayplan lock looks it up")
	}
	return sum, nil
}

// found locks what a look-up has given.
func (o *Outside) found(image, sum string) {
	if name := lockName(image); o.lock != nil && name != "" && sum != "" {
		o.lock.file.Add(name, sum)
	}
}

// byDigest gives an image by what its tag is locked to, or as it is.
func byDigest(image, sum string) string {
	if sum == "" {
		return image
	}
	host, repository, _, err := registry.Split(image)
	if err != nil {
		return image
	}
	return host + "/" + repository + "@" + sum
}

// digest gives what an image's tag stands for.
func (o *Outside) digest(ctx context.Context, image string) (string, error) {
	sum, err := o.locked(image)
	if err != nil || sum != "" {
		return sum, err
	}
	d, err := o.Registry().Resolve(ctx, image)
	if err != nil {
		return "", err
	}
	o.found(image, d.Digest)
	return d.Digest, nil
}

// present is digest for an image that has to be there: what the lock says is
// asked for, too.
func (o *Outside) present(ctx context.Context, image string) (string, error) {
	sum, err := o.locked(image)
	if err != nil {
		return "", err
	}
	d, err := o.Registry().Resolve(ctx, byDigest(image, sum))
	if err != nil {
		return "", o.lockedAway(err, image)
	}
	o.found(image, d.Digest)
	return d.Digest, nil
}

// labels gives an image's labels, and what its tag stands for.
func (o *Outside) labels(ctx context.Context, image string) (map[string]string, string, error) {
	sum, err := o.locked(image)
	if err != nil {
		return nil, "", err
	}
	labels, d, err := o.Registry().Labels(ctx, byDigest(image, sum))
	if err != nil {
		return nil, "", o.lockedAway(err, image)
	}
	o.found(image, d.Digest)
	return labels, d.Digest, nil
}

// lockedAway says what helps where the registry no longer has what a tag is
// locked to.
func (o *Outside) lockedAway(err error, image string) error {
	name := lockName(image)
	if o.lock == nil || o.lock.file.Before(name) == "" || registry.KindOf(err) != registry.NotFound {
		return err
	}
	return fault.WithHint(err, fmt.Sprintf("the lock file has a digest for the tag; bayplan lock --update %q looks it up again", name))
}

// pin fills in the digests of images whose tags are locked. A tag that would
// have to be looked up and must not is an error.
func (o *Outside) pin(images []registry.Image) ([]registry.Image, error) {
	images = slices.Clone(images)
	var errs []error
	for i := range images {
		im := &images[i]
		if im.Digest != "" || im.Source == im.Target {
			continue
		}
		sum, err := o.locked(im.Source)
		im.Digest = sum
		errs = append(errs, err)
	}
	return images, errors.Join(errs...)
}

// moved tells which tags stand for something else than they are locked to,
// each once in a run.
func (o *Outside) moved(ctx context.Context, images []string) []string {
	if o.lock == nil || !o.lock.Watchful || o.lock.Strict {
		return nil
	}
	images = slices.DeleteFunc(slices.Clone(images), func(image string) bool { return !o.lock.first(lockName(image)) })
	notes := make([]string, len(images))
	var g errgroup.Group
	g.SetLimit(registry.DefaultConcurrency)
	for i, image := range images {
		g.Go(func() error { notes[i] = o.movedTag(ctx, lockName(image)); return nil })
	}
	_ = g.Wait() // none fails
	slices.Sort(notes)
	return slices.Compact(slices.DeleteFunc(notes, func(note string) bool { return note == "" }))
}

// first says whether nobody has asked for an image yet.
func (l *Lock) first(image string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if image == "" || l.told[image] {
		return false
	}
	l.told[image] = true
	return true
}

func (o *Outside) movedTag(ctx context.Context, image string) string {
	was := o.lock.file.Before(image)
	if was == "" {
		return "" // looked up by this very run
	}
	now, err := o.Registry().Resolve(ctx, image)
	switch {
	case registry.KindOf(err) == registry.NotFound:
		return fmt.Sprintf("%s is gone from its registry; the lock file keeps %s", image, was)
	case err != nil:
		return fmt.Sprintf("whether %s has moved on could not be asked: %v", image, err)
	case now.Digest == was:
		return ""
	}
	return fmt.Sprintf("%s has moved on to %s; the lock file keeps %s", image, now.Digest, was)
}
