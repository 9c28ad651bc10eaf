package rehearse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/places"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/cmd/internal/revision"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A Comparison is what a plan is compared with, and how what comes of it is shown.
type Comparison struct {
	Base string // a plan's file, or git:REVISION for the plan's file in that revision
	File string // the plan

	Options
	// Diff shows the diff that a runner makes. finish completes the report before it is
	// shown, and gives what is another in the plan itself. Paths in texts lie below root, in
	// the place of the plan's own.
	Diff func(r *runner.Runner, root string, finish func(*runner.Report) *document.Base) error
}

// Compare applies the base in a world of its own, and lets c.Diff diff the plan there: the
// diff then says what the change from the base to the plan changes. Where a revision has no
// such plan, nothing is applied. Nothing outside is asked. The error for a plan with mistakes
// is a plan.Errors.
func Compare(ctx context.Context, c Comparison) (err error) {
	r := &rehearsal{Options: c.Options, made: map[string]string{}}
	now, errs := loader.Load(ctx, c.File, c.Plan)
	if err := errs.Err(); err != nil {
		return err
	}
	r.Warn(now.Warnings)
	if r.root, err = places.NewRoot(""); err != nil {
		return fmt.Errorf("make a place to compare in: %w", err)
	}
	defer func() { err = errors.Join(err, r.root.Remove()) }()
	told := &document.Base{Base: c.Base}
	base, err := r.basePart(ctx, c, now.Parsed, told)
	if err != nil {
		return fmt.Errorf("the base %s: %w", human.Line(c.Base), err)
	}
	next := &part{file: c.File, owner: now.Parsed.File, state: filepath.Join(r.root.Dir, "state", now.Parsed.Name), clouds: now.Conns.CloudFiles(ctx)}
	was := &runner.Report{}
	if base != nil {
		r.parts = []*part{base}
		if err := r.load(ctx, base); err != nil {
			return fmt.Errorf("the base %s: %w", human.Line(c.Base), r.unlisted(err))
		}
	}
	r.parts = append(r.parts, next)
	if err := r.load(ctx, next); err != nil {
		return err
	}
	if err := r.makeWorld(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.world.close(), r.world.err) }()
	if base != nil {
		was, err = r.replaceBase(ctx, c, base, next)
	} else {
		base, told.New = &part{}, true
		err = r.bring(ctx, next, base, nil)
		if err == nil {
			err = r.writeLock(lockfile.Of(next.file), next, tagIn)
		}
	}
	if err != nil {
		return err
	}
	return r.open(ctx, next, false, func(run *runner.Runner) error {
		return c.Diff(run, r.root.Host, func(report *runner.Report) *document.Base {
			r.finish(told, was, report, base, next)
			return told
		})
	})
}

// replaceBase applies the base, and brings what the plan expects in the place of what the
// base does. It gives the base's report.
func (r *rehearsal) replaceBase(ctx context.Context, c Comparison, base, next *part) (*runner.Report, error) {
	was, staged, err := r.applyBase(ctx, c, base, next)
	if err == nil && base.in.Revision != nil {
		err = base.in.Revision.Err()
	}
	if err == nil {
		err = r.bring(ctx, next, base, staged)
	}
	if err == nil {
		err = r.takeLock(c, base, next)
	}
	return was, err
}

// unlisted keeps the mistakes of a base from being taken for those of the plan.
func (r *rehearsal) unlisted(err error) error {
	var mistakes plan.Errors
	if errors.As(err, &mistakes) {
		return errors.New(r.shownPaths(mistakes.Error()))
	}
	return err
}

// shownPaths gives a text in which files have the paths that they mean.
func (r *rehearsal) shownPaths(text string) string {
	base := r.parts[0].in
	if base.Revision != nil {
		text = base.Revision.Show(text, base.Disk)
	}
	return r.root.Strip(text)
}

// basePart gives the base, with the folder that its files lie in. It is nil for a revision
// without such a plan.
func (r *rehearsal) basePart(ctx context.Context, c Comparison, now *plan.Plan, told *document.Base) (*part, error) {
	p := &part{owner: now.File, state: filepath.Join(r.root.Dir, "state", now.Name)}
	name, isGit := strings.CutPrefix(c.Base, "git:")
	if !isGit {
		abs, err := filepath.Abs(c.Base)
		if err != nil {
			return nil, err
		}
		p.file = c.Base
		if dir := filepath.Dir(abs); dir != now.Dir {
			p.in = places.Folder{Disk: dir, Means: now.Dir}
		}
		return p, nil
	}
	into := filepath.Join(r.root.Dir, "base")
	tree, err := revision.Open(ctx, name, now.File, into)
	if err != nil {
		return nil, err
	}
	p.file, err = tree.Place(ctx, now.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	files := revision.NewFiles(ctx, tree, c.Base, func(text string) { told.Notes = append(told.Notes, text) })
	p.in = places.Folder{Disk: into, Means: "/", Revision: files}
	return p, err
}

// applyBase applies the base, and gives its report and what was copied from its folder.
func (r *rehearsal) applyBase(ctx context.Context, c Comparison, base, next *part) (*runner.Report, []string, error) {
	b := &builder{world: r.world, things: thingsOf(r.root, base.in, base.steps), made: r.made}
	b.things.join(thingsOf(r.root, next.in, next.steps))
	if err := b.provide(ctx); err != nil {
		return nil, nil, err
	}
	if err := b.mistakes.Err(); err != nil {
		return nil, nil, r.baseError(c, err)
	}
	if err := r.writeLock(base.lock(c), base, tagIn); err != nil {
		return nil, nil, r.baseError(c, err)
	}
	report, err := r.run(ctx, base, runner.ModeApply)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return nil, nil, r.baseError(c, err)
	}
	return report, b.staged, nil
}

// baseError is the error of a base that cannot be applied, in a text of its own: its
// mistakes are not those of the plan.
func (r *rehearsal) baseError(c Comparison, err error) error {
	text := r.shownPaths(fault.Text(err))
	return fault.WithHint(fmt.Errorf("the base %s cannot be applied, not even in a rehearsal: %s", human.Line(c.Base), text), fault.Hint(err))
}

// lock gives the lock file of the base. A revision has one or none.
func (p *part) lock(c Comparison) string {
	file := lockfile.Of(p.file)
	if p.in.Revision != nil {
		return p.in.Revision.Own(p.in.Real(file))
	}
	return file
}

// bring brings what the plan expects, in the place of what the base's folder has.
func (r *rehearsal) bring(ctx context.Context, next, base *part, staged []string) error {
	for _, path := range staged {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	b := &builder{world: r.world, things: thingsOf(r.root, next.in, next.steps), made: r.made}
	b.things.join(thingsOf(r.root, base.in, base.steps))
	if err := b.provide(ctx); err != nil {
		return err
	}
	return b.mistakes.Err()
}

// join lets things be made as another revision of the plan needs them, too, so that what
// stands in for both is the same.
func (t *things) join(other *things) {
	for _, o := range other.ordered {
		mine := t.byPath[o.path]
		if o.url != "" {
			mine = t.byURL[o.url]
		}
		if mine == nil || mine.own || o.own {
			continue
		}
		mine.take(o)
	}
	for _, mine := range t.ordered { // both revisions list them in one order
		slices.Sort(mine.order)
		slices.Sort(mine.Names)
	}
}

// writeLock writes the lock file of a plan for the world. The digest of an image is that of
// the stand-in with the tag that tagOf gives, by the image's name and its digest in the file.
func (r *rehearsal) writeLock(file string, p *part, tagOf func(name, digest string) string) error {
	locked, err := lockfile.Read(file)
	if err != nil {
		return err
	}
	if images, choices := locked.Count(); images+choices == 0 {
		return nil
	}
	at := filepath.Join(p.state, lockName)
	if err := errors.Join(os.MkdirAll(p.state, 0o700), os.RemoveAll(at)); err != nil {
		return err
	}
	out, err := lockfile.Read(at)
	if err != nil {
		return err
	}
	for _, name := range locked.Choices() {
		value, _ := locked.Get(name)
		out.Add(name, value)
	}
	for _, name := range locked.Images() {
		digest, _ := locked.Get(name)
		out.Add(name, r.standInDigest(name, digest, tagOf(name, digest)))
	}
	return out.Write()
}

// standInDigest gives the digest of what stands in for an image of a lock file. Where nothing
// does, the digest stays: the step that reads the image says what is wrong.
func (r *rehearsal) standInDigest(name, digest, tag string) string {
	host, repository, _, err := registry.Split(name)
	if err != nil {
		return digest
	}
	h := r.world.registryOf(host)
	if h == nil || !h.Made(repository) {
		return digest
	}
	sum, err := h.Make(repository, tag)
	if err != nil {
		return digest
	}
	return sum
}

// tagIn gives the tag of an image that a lock file names.
func tagIn(name, _ string) string { return name[strings.LastIndexByte(name, ':')+1:] }

// takeLock puts the plan's lock file in the place of the base's. A tag that has another
// digest there stands for another image.
func (r *rehearsal) takeLock(c Comparison, base, next *part) error {
	before, err := lockfile.Read(base.lock(c))
	if err != nil {
		return err
	}
	if next.locked, err = review.ChangedLock(before, lockfile.Of(next.file)); err != nil {
		return err
	}
	return r.writeLock(lockfile.Of(next.file), next, func(name, digest string) string {
		if was, locked := before.Get(name); locked && was != digest {
			return pinnedTag(digest)
		}
		return tagIn(name, digest)
	})
}
