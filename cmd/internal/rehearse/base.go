package rehearse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/registries"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/revision"
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
	// Lock gives the lock file of a plan's file.
	Lock func(file string) string
	// Diff shows the diff that a runner makes. Before the report is shown, it is given to
	// annotate. Paths in texts lie below root, in the place of the plan's own.
	Diff func(r *runner.Runner, root string, annotate func(*runner.Report)) error
}

// Compare applies the base in a world of its own, and lets c.Diff diff the plan there: the
// diff then says what the change from the base to the plan changes. Nothing outside is
// asked. The error for a plan with mistakes is a plan.Errors.
func Compare(ctx context.Context, c Comparison) (err error) {
	r := &rehearsal{Options: c.Options, made: map[string]string{}}
	now, errs := loader.Load(ctx, c.File, c.Plan)
	if err := errs.Err(); err != nil {
		return err
	}
	r.Warn(now.Warnings)
	if r.root, err = newRoot(""); err != nil {
		return fmt.Errorf("make a place to compare in: %w", err)
	}
	defer func() { err = errors.Join(err, r.root.remove()) }()
	base, err := r.basePart(ctx, c, now.Parsed)
	if err != nil {
		return err
	}
	next := &part{file: c.File, owner: base.owner, state: base.state}
	r.parts = []*part{base, next}
	if err := r.read(ctx); err != nil {
		return fmt.Errorf("the base %s: %w", c.Base, unlisted(err))
	}
	defer func() { err = errors.Join(err, r.world.close(), r.world.err) }()
	was, staged, err := r.applyBase(ctx, c, base, next)
	if err != nil {
		return err
	}
	if err := r.bring(ctx, next, base, staged); err != nil {
		return err
	}
	if err := r.takeLock(c, base, next); err != nil {
		return err
	}
	return r.open(ctx, next, false, func(run *runner.Runner) error {
		return c.Diff(run, r.root.host, func(report *runner.Report) { r.annotate(was, report, base, next) })
	})
}

// unlisted keeps the mistakes of a base from being taken for those of the plan.
func unlisted(err error) error {
	var mistakes plan.Errors
	if errors.As(err, &mistakes) {
		return errors.New(mistakes.Error())
	}
	return err
}

// basePart gives the base, with the folder that its files lie in.
func (r *rehearsal) basePart(ctx context.Context, c Comparison, now *plan.Plan) (*part, error) {
	p := &part{owner: now.File, state: filepath.Join(r.root.dir, "state", now.Name)}
	name, isGit := strings.CutPrefix(c.Base, "git:")
	if isGit {
		tree, err := revision.Read(ctx, name, now.File, filepath.Join(r.root.dir, "base"), maxOwn)
		if err != nil {
			return nil, fmt.Errorf("the base %s: %w", c.Base, err)
		}
		p.file, p.in = tree.File, folder{disk: tree.Dir, means: tree.Top, whole: true}
		return p, nil
	}
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
	if err := r.writeLock(c.Lock(base.file), base, tagIn); err != nil {
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
	text := r.root.strip(err.Error())
	text = strings.ReplaceAll(text, filepath.Join(r.root.dir, "base")+"/", c.Base+":")
	return fault.WithHint(fmt.Errorf("the base %s cannot be applied, not even in a rehearsal: %s", c.Base, text), fault.Hint(err))
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
		slices.Sort(mine.order) // both revisions list them in one order
		slices.Sort(mine.Names)
	}
	for _, mine := range t.ordered {
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
	before, err := lockfile.Read(c.Lock(base.file))
	if err != nil {
		return err
	}
	return r.writeLock(c.Lock(next.file), next, func(name, digest string) string {
		if was, locked := before.Get(name); locked && was != digest {
			return pinnedTag(digest)
		}
		return tagIn(name, digest)
	})
}

// annotate adds the settings that are others, since a change of them may show in nothing
// else here, and what stays behind: what the base has made and no step of the plan wants any
// longer, but none removes.
func (r *rehearsal) annotate(was, report *runner.Report, base, next *part) {
	for _, s := range report.Steps {
		s.Finding.Notes = append(s.Finding.Notes, otherSettings(s)...)
	}
	wanted := map[string]bool{}
	for _, s := range report.Steps {
		for _, name := range append(madeBy(next.graph.Node(s.ID), s.Outputs), madeBy(next.graph.Node(s.ID), s.Finding.Outputs)...) {
			wanted[name] = true
		}
	}
	for _, before := range was.Steps {
		s := report.Step(before.ID)
		left := slices.DeleteFunc(madeBy(base.graph.Node(before.ID), before.Outputs), func(name string) bool { return wanted[name] || s != nil && removes(s, name) })
		switch {
		case len(left) == 0:
		case s != nil && isDiffed(s):
			s.Finding.Notes = append(s.Finding.Notes, "no longer wanted, and left as it is: "+human.Some(left, mostNames))
		case next.graph.Node(before.ID) == nil:
			r.Say(fmt.Sprintf("the step %s is gone, and what it has made stays: %s", before.ID, human.Some(left, mostNames)))
		}
	}
}

// mostSetting is how many bytes of a setting a note shows.
const mostSetting = 200

// otherSettings gives a note for each setting of a step that is another than in the base.
func otherSettings(s *runner.StepReport) []string {
	switch {
	case s.Inputs == nil:
		return nil
	case s.Prior == nil:
		return []string{"the step is new"}
	}
	var notes []string
	for _, c := range runner.ChangedInputs(s.Prior, s.Inputs) {
		name, isSetting := strings.CutPrefix(c.Name, "with.")
		if isSetting {
			notes = append(notes, fmt.Sprintf("%s: %s -> %s", name, settingText(c.Old), settingText(c.New)))
		}
	}
	return notes
}

func settingText(value string) string {
	switch {
	case value == "":
		return "(none)"
	case len(value) > mostSetting:
		return strings.ToValidUTF8(value[:mostSetting], "") + "..."
	}
	return value
}

// isDiffed reports whether a diff knows what a step wants.
func isDiffed(s *runner.StepReport) bool {
	return s.Status == runner.ToCreate || s.Status == runner.ToChange || s.Status == runner.Unchanged
}

// madeBy gives the names of what a step has made, without digests: those in its outputs.
func madeBy(n *runner.Node, outputs runner.Outputs) []string {
	if n == nil {
		return nil
	}
	var names []string
	for _, o := range n.Type.Outputs {
		v, ok := outputs[o.Name]
		if _, later := v.Later(); !o.Made || !ok || later {
			continue
		}
		all := v.Items()
		if !v.IsList() && v.String() != "" {
			all = []string{v.String()}
		}
		for _, item := range all {
			names = append(names, registries.WithoutDigest(item))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// removes reports whether a step would remove a thing.
func removes(s *runner.StepReport, name string) bool {
	c := s.Finding.Change
	return c != nil && slices.ContainsFunc(c.Items, func(it runner.Item) bool { return it.Op == runner.Remove && it.Name == name })
}

// mostNames is how many names a text lists.
const mostNames = 3
