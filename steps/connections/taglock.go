package connections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
)

// A TagLock holds the digests that the tags of images stand for, the tags that were chosen
// among others, and the images of selections, so that a plan means the same images at every run and on every
// host. A tag that is looked up is locked.
// From then on its registry is not asked for the digest.
type TagLock struct {
	// Strict refuses to look up a tag that is not locked.
	Strict bool
	// ReportMoved makes steps report locked tags that stand for something else now.
	// It costs a HEAD request for each tag.
	ReportMoved bool
	// ChooseAnew makes newest and selections choose as if nothing were locked for them, and
	// locks what they choose.
	ChooseAnew bool

	file *lockfile.File

	tags, catalogs memo[[]string] // what registries have listed in this run
	chosen         memo[string]   // what was chosen in this run, by its name in the file

	mu       sync.Mutex // steps run at the same time
	reported map[string]bool
}

// ReadTagLock reads a lock file. A file that does not exist gives an empty lock. Without
// a path, the lock lasts as long as the process.
func ReadTagLock(path string) (*TagLock, error) {
	file, err := lockfile.Read(path)
	if err != nil {
		return nil, err
	}
	return &TagLock{file: file, reported: map[string]bool{}}, nil
}

// Forget unlocks the images, written HOST/NAME:TAG, that a pattern matches, and the
// choices and selections of their tags, and gives their number. In the pattern * stands for any text.
func (l *TagLock) Forget(pattern string) int { return l.file.Forget(pattern) }

// Prune unlocks what no step has looked up or chosen.
func (l *TagLock) Prune() { l.file.Prune() }

// Recall locks again what Forget has unlocked and no step has looked up.
func (l *TagLock) Recall() { l.file.Recall() }

// Changes gives what Save would change.
func (l *TagLock) Changes() []lockfile.Change { return l.file.Changes() }

// Count gives the numbers of locked images and of choices.
func (l *TagLock) Count() (images, choices int) { return l.file.Count() }

// Save writes the lock file.
func (l *TagLock) Save() error { return l.file.Write() }

// UseTagLock makes all look-ups of tags go through a lock.
func (s *Set) UseTagLock(l *TagLock) {
	s.lock, s.oldNames = l, map[string]string{}
	if l == nil {
		return
	}
	keep := func(name, old string) {
		if s.oldNames[name] != name {
			s.oldNames[name] = old
		}
	}
	for _, old := range l.file.Images() {
		keep(s.canonicalName(old), old)
	}
	for _, old := range l.file.Choices() {
		keep(s.canonicalChoice(old), old)
	}
}

// lockName gives the name of an image in the lock file: the one of its names that the
// file already has, or else its canonical name.
func (s *Set) lockName(image string) string {
	name := s.canonicalName(image)
	if old := s.oldNames[name]; old != "" {
		return old
	}
	return name
}

// canonicalName gives the one name of an image. It is "" for an image that cannot be
// locked: one with a digest, or one in a layout.
func (s *Set) canonicalName(image string) string {
	if _, _, layout := registry.CutLayout(image); layout || strings.Contains(image, "@") {
		return ""
	}
	host, repository, tag, err := registry.Split(image)
	if err != nil || tag == "" {
		return ""
	}
	return s.identities().Name(host) + "/" + repository + ":" + tag
}

// lockedDigest gives the digest that an image's tag is locked to, or "" when it has to
// be looked up. It gives an error when that is not allowed.
func (s *Set) lockedDigest(image string) (string, error) {
	name := s.lockName(image)
	if s.lock == nil || name == "" {
		return "", nil
	}
	sum, ok := s.lock.file.Get(name)
	if !ok && s.lock.Strict {
		err := fmt.Errorf("the tag of %s is not in the lock file", name)
		return "", fault.WithHint(err, "run bayplan lock, which looks it up and locks it")
	}
	return sum, nil
}

// Record locks an image's tag to the digest that a look-up has given.
func (s *Set) Record(image, sum string) {
	if name := s.lockName(image); s.lock != nil && name != "" && sum != "" {
		s.lock.file.Add(name, sum)
	}
}

// byDigest gives an image with a digest in place of its tag, or as it is without one.
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

// Resolve gives the digest that an image's tag stands for, by the lock or its registry.
func (s *Set) Resolve(ctx context.Context, image string) (string, error) {
	sum, err := s.lockedDigest(image)
	if err != nil || sum != "" {
		return sum, err
	}
	d, err := s.Registry().Resolve(ctx, image)
	if err != nil {
		return "", err
	}
	s.Record(image, d.Digest)
	return d.Digest, nil
}

// ResolvePresent does the same for an image that has to exist: its registry is asked
// also when the tag is locked.
func (s *Set) ResolvePresent(ctx context.Context, image string) (string, error) {
	sum, err := s.lockedDigest(image)
	if err != nil {
		return "", err
	}
	d, err := s.Registry().Resolve(ctx, byDigest(image, sum))
	if err != nil {
		return "", s.ExplainNotFound(err, image)
	}
	s.Record(image, d.Digest)
	return d.Digest, nil
}

// Labels gives an image's labels and the digest that its tag stands for.
func (s *Set) Labels(ctx context.Context, image string) (map[string]string, string, error) {
	sum, err := s.lockedDigest(image)
	if err != nil {
		return nil, "", err
	}
	labels, d, err := s.Registry().Labels(ctx, byDigest(image, sum))
	if err != nil {
		return nil, "", s.ExplainNotFound(err, image)
	}
	s.Record(image, d.Digest)
	return labels, d.Digest, nil
}

// ExplainNotFound adds a hint to an error when the registry no longer has what a tag is
// locked to.
func (s *Set) ExplainNotFound(err error, image string) error {
	name := s.lockName(image)
	if s.lock == nil || s.lock.file.Before(name) == "" || registry.KindOf(err) != registry.NotFound {
		return err
	}
	return fault.WithHint(err, fmt.Sprintf("the lock file has a digest for the tag; bayplan lock --update %s looks it up again", human.ShellWord(name)))
}

// Pin fills in the digests of images whose tags are locked. When look-ups are not
// allowed, it refuses each image whose tag is not locked.
func (s *Set) Pin(images []registry.Image) []registry.Image {
	images = slices.Clone(images)
	for i := range images {
		im := &images[i]
		if im.Digest == "" && !s.Registry().SameImage(im.Source, im.Target) {
			im.Digest, im.Refused = s.lockedDigest(im.Source)
		}
	}
	return images
}

// MovedTags reports the tags that stand for something else than they are locked to,
// each once in a run, as notes and for programs.
func (s *Set) MovedTags(ctx context.Context, images []string) ([]string, []runner.Moved) {
	if s.lock == nil || !s.lock.ReportMoved || s.lock.Strict {
		return nil, nil
	}
	images = slices.DeleteFunc(slices.Clone(images), func(image string) bool { return !s.lock.markReported(s.lockName(image)) })
	notes, moved := make([]string, len(images)), make([]runner.Moved, len(images))
	var g errgroup.Group
	g.SetLimit(registry.MaxConcurrency)
	for i, image := range images {
		g.Go(func() error { notes[i], moved[i] = s.movedTag(ctx, s.lockName(image)); return nil })
	}
	_ = g.Wait() // none fails
	slices.Sort(notes)
	slices.SortFunc(moved, func(a, b runner.Moved) int { return strings.Compare(a.Name, b.Name) })
	return slices.Compact(slices.DeleteFunc(notes, func(note string) bool { return note == "" })),
		slices.DeleteFunc(moved, func(m runner.Moved) bool { return m.Name == "" })
}

// markReported reports whether an image was not reported before, and marks it.
func (l *TagLock) markReported(image string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if image == "" || l.reported[image] {
		return false
	}
	l.reported[image] = true
	return true
}

// movedTag gives a note about a tag, and what has moved if that is known.
func (s *Set) movedTag(ctx context.Context, image string) (string, runner.Moved) {
	was := s.lock.file.Before(image)
	if was == "" {
		return "", runner.Moved{} // looked up by this very run
	}
	now, err := s.Registry().Resolve(ctx, image)
	switch {
	case registry.KindOf(err) == registry.NotFound:
		return fmt.Sprintf("%s is gone from its registry; the lock file keeps %s", image, was), runner.Moved{Name: image, From: was}
	case err != nil:
		return fmt.Sprintf("whether %s has moved on could not be asked: %v", image, err), runner.Moved{}
	case now.Digest == was:
		return "", runner.Moved{}
	}
	labels := s.labelChanges(ctx, image, was, now.Digest)
	return fmt.Sprintf("%s has moved on to %s%s; the lock file keeps %s", image, now.Digest, labelsText(labels), was),
		runner.Moved{Name: image, From: was, To: now.Digest, Labels: labels}
}

// toldLabels are the labels that say what is new in an image. The first two are those of Red
// Hat, the others are defined by https://github.com/opencontainers/image-spec/blob/main/annotations.md.
var toldLabels = [...]string{
	"version", "release",
	"org.opencontainers.image.version", "org.opencontainers.image.revision", "org.opencontainers.image.created",
}

// labelChanges compares the labels of what a tag was locked to with those of what it stands
// for now. It asks nothing where each look counts as a pull, and its errors do not matter.
func (s *Set) labelChanges(ctx context.Context, image, was, now string) []runner.LabelChange {
	host, _, _, err := registry.Split(image)
	if err != nil {
		return nil
	}
	if _, _, limited := s.Registry().Quota(host); limited {
		return nil
	}
	after, _, err := s.Registry().Labels(ctx, byDigest(image, now))
	if err != nil {
		return nil
	}
	before, _, err := s.Registry().Labels(ctx, byDigest(image, was))
	if err != nil {
		before = nil // the old image may be gone
	}
	var changes []runner.LabelChange
	for _, label := range toldLabels {
		if before[label] != after[label] {
			changes = append(changes, runner.LabelChange{Label: label, From: before[label], To: after[label]})
		}
	}
	return changes
}

// labelsText says in parentheses how labels change: " (release 40 -> 43)".
func labelsText(changes []runner.LabelChange) string {
	if len(changes) == 0 {
		return ""
	}
	parts := make([]string, len(changes))
	for i, c := range changes {
		name := c.Label[strings.LastIndexByte(c.Label, '.')+1:]
		parts[i] = name + " "
		if c.From != "" {
			parts[i] += c.From + " -> "
		}
		parts[i] += cmp.Or(c.To, "(none)")
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
