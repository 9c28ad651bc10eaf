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
	"github.com/bayplan/bayplan/cmd/internal/revision"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// A Comparison is what a plan is compared with, and how what comes of it is shown.
type Comparison struct {
	Base string // a plan's file, or git:REVISION for the plan's file in that revision
	File string // the plan

	Options
	// Lock gives the lock file of a plan's file.
	Lock func(file string) string
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
	now, err := load(ctx, c.File, c.Plan)
	if err != nil {
		return err
	}
	r.Warn(now.warnings)
	if r.root, err = newRoot(""); err != nil {
		return fmt.Errorf("make a place to compare in: %w", err)
	}
	defer func() { err = errors.Join(err, r.root.remove()) }()
	told := &document.Base{Base: c.Base}
	base, err := r.basePart(ctx, c, now.graph.Plan, told)
	if err != nil {
		return fmt.Errorf("the base %s: %w", c.Base, err)
	}
	next := &part{file: c.File, owner: now.graph.Plan.File, state: filepath.Join(r.root.dir, "state", now.graph.Plan.Name)}
	was := &runner.Report{}
	if r.parts = []*part{next}; base != nil {
		r.parts = []*part{base, next}
	}
	if err := r.read(ctx); err != nil {
		return fmt.Errorf("the base %s: %w", c.Base, r.unlisted(err))
	}
	defer func() { err = errors.Join(err, r.world.close(), r.world.err) }()
	if base != nil {
		was, err = r.replaceBase(ctx, c, base, next)
	} else {
		base, told.New = &part{}, true
		err = r.bring(ctx, next, base, nil)
		if err == nil {
			err = r.writeLock(c.Lock(next.file), next, func(image registryImage) string { return image.tag })
		}
	}
	if err != nil {
		return err
	}
	return r.open(ctx, next, false, func(run *runner.Runner) error {
		return c.Diff(run, r.root.host, func(report *runner.Report) *document.Base {
			r.finish(told, was, report, base, next)
			return told
		})
	})
}

// replaceBase applies the base, and brings what the plan expects in the place of what the
// base does. It gives the base's report.
func (r *rehearsal) replaceBase(ctx context.Context, c Comparison, base, next *part) (*runner.Report, error) {
	was, staged, err := r.applyBase(ctx, c, base, next)
	if err == nil && base.in.revision != nil {
		err = base.in.revision.Err()
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
	if base.revision != nil {
		text = base.revision.Show(text, base.disk)
	}
	return r.root.strip(text)
}

// basePart gives the base, with the folder that its files lie in. It is nil for a revision
// without such a plan.
func (r *rehearsal) basePart(ctx context.Context, c Comparison, now *plan.Plan, told *document.Base) (*part, error) {
	p := &part{owner: now.File, state: filepath.Join(r.root.dir, "state", now.Name)}
	name, isGit := strings.CutPrefix(c.Base, "git:")
	if !isGit {
		abs, err := filepath.Abs(c.Base)
		if err != nil {
			return nil, err
		}
		p.file = c.Base
		if dir := filepath.Dir(abs); dir != now.Dir {
			p.in = folder{disk: dir, means: now.Dir}
		}
		return p, nil
	}
	into := filepath.Join(r.root.dir, "base")
	tree, err := revision.Open(ctx, name, now.File, into)
	if err != nil {
		return nil, err
	}
	p.file, err = tree.Place(ctx, now.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	files := revision.NewFiles(ctx, tree, c.Base, func(text string) { told.Notes = append(told.Notes, text) })
	p.in = folder{disk: into, means: "/", revision: files}
	return p, err
}

// applyBase applies the base, and gives its report and what was copied from its folder.
func (r *rehearsal) applyBase(ctx context.Context, c Comparison, base, next *part) (*runner.Report, []string, error) {
	b := &builder{world: r.world, things: thingsOf(r.root, base.in, base.steps), made: r.made}
	b.things.join(thingsOf(r.root, next.in, next.steps))
	if err := b.provide(ctx); err != nil {
		return nil, nil, err
	}
	if err := b.wrong(); err != nil {
		return nil, nil, r.baseError(c, err)
	}
	if err := r.writeLock(base.lock(c), base, func(image registryImage) string { return image.tag }); err != nil {
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
	text := r.shownPaths(err.Error())
	return fault.WithHint(fmt.Errorf("the base %s cannot be applied, not even in a rehearsal: %s", c.Base, text), fault.Hint(err))
}

// lock gives the lock file of the base. A revision has one or none.
func (p *part) lock(c Comparison) string {
	file := c.Lock(p.file)
	if p.in.revision != nil {
		return p.in.revision.Own(p.in.real(file))
	}
	return file
}

// wrong gives an error for what the plan's folder lacks.
func (b *builder) wrong() error {
	errs := []error{b.mistakes.Err()}
	for _, p := range b.problems {
		errs = append(errs, fault.WithHint(fmt.Errorf("%s: %s", p.at, p.text), p.hint))
	}
	return errors.Join(errs...)
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
	return b.wrong()
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
		mine.refine(o.Expectation)
		for _, name := range o.Names {
			if !slices.Contains(mine.Names, name) {
				mine.Names = append(mine.Names, name)
			}
		}
		for name := range o.members {
			mine.member(name)
		}
		slices.Sort(mine.order) // both revisions list them in one order
		slices.Sort(mine.Names)
	}
	for _, mine := range t.ordered {
		slices.Sort(mine.order)
		slices.Sort(mine.Names)
	}
}

// A registryImage is an image of a lock file.
type registryImage struct{ name, tag, digest string }

// lockedImage finds the images of a lock file.
var lockedImage = lazyregexp.New(`(?m)^(  "?([^\s"@]+):([^\s":/]+)"?: )(sha256:[0-9a-f]{64})$`)

// imagesOf gives the digests of a lock file by HOST/NAME:TAG.
func imagesOf(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, m := range lockedImage.FindAllStringSubmatch(string(text), -1) {
		found[m[2]+":"+m[3]] = m[4]
	}
	return found, nil
}

// writeLock writes the lock file of a plan for the world. The digest of an image is that of
// the stand-in with the tag that tagOf gives.
func (r *rehearsal) writeLock(file string, p *part, tagOf func(registryImage) string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	out := lockedImage.ReplaceAllStringFunc(string(text), func(line string) string {
		m := lockedImage.FindStringSubmatch(line)
		host, repository, tag, err := registry.Split(m[2] + ":" + m[3])
		if err != nil {
			return line
		}
		h := r.world.registryOf(host)
		if h == nil || !h.Made(repository) {
			return line
		}
		sum, err := h.Make(repository, tagOf(registryImage{m[2] + ":" + m[3], tag, m[4]}))
		if err != nil {
			return line // the step that reads the image says what is wrong
		}
		return m[1] + sum
	})
	return write(filepath.Join(p.state, lockName), []byte(out))
}

// takeLock puts the plan's lock file in the place of the base's. A tag that has another
// digest there stands for another image.
func (r *rehearsal) takeLock(c Comparison, base, next *part) error {
	before, err := imagesOf(base.lock(c))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return r.writeLock(c.Lock(next.file), next, func(image registryImage) string {
		if was, locked := before[image.name]; locked && was != image.digest {
			return pinnedTag(image.digest)
		}
		return image.tag
	})
}
