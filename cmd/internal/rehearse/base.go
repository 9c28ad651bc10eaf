package rehearse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
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
	// Diff shows the diff that a runner makes. Before the report is shown, it is given to
	// annotate. Paths in texts lie below root, in the place of the plan's own.
	Diff func(r *runner.Runner, root string, annotate func(*runner.Report)) error
}

// Compare applies the base in a world of its own, and lets c.Diff diff the plan there: the
// diff then says what the change from the base to the plan changes. Nothing outside is
// asked. The error for a plan with mistakes is a plan.Errors.
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
	base, err := r.basePart(ctx, c, now.graph.Plan)
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
		return c.Diff(run, r.root.host, func(report *runner.Report) { r.annotate(was, report, next) })
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
	revision, isGit := strings.CutPrefix(c.Base, "git:")
	if isGit {
		tree, err := gitTree(ctx, revision, now.File, filepath.Join(r.root.dir, "base"))
		if err != nil {
			return nil, fmt.Errorf("the base %s: %w", c.Base, err)
		}
		p.file, p.in = tree.file, folder{disk: tree.dir, means: tree.top, whole: true}
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
	if err := b.wrong(); err != nil {
		return nil, nil, r.baseError(c, err)
	}
	if err := r.writeLock(c.Lock(base.file), base, func(image registryImage) string { return image.tag }); err != nil {
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
		mine.take(o)
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
	before, err := imagesOf(c.Lock(base.file))
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

// annotate adds the settings that are others, since a change of them may show in nothing
// else here, and what stays behind: what the base has made and no step of the plan wants any
// longer, but none removes.
func (r *rehearsal) annotate(was, report *runner.Report, next *part) {
	for _, s := range report.Steps {
		s.Finding.Notes = append(s.Finding.Notes, otherSettings(s)...)
	}
	wanted := map[string]bool{}
	for _, s := range report.Steps {
		for _, name := range append(madeBy(s.Type, s.Outputs), madeBy(s.Type, s.Finding.Outputs)...) {
			wanted[name] = true
		}
	}
	for _, before := range was.Steps {
		s := report.Step(before.ID)
		left := slices.DeleteFunc(madeBy(before.Type, before.Outputs), func(name string) bool { return wanted[name] || s != nil && removes(s, name) })
		switch {
		case len(left) == 0:
		case s != nil && isDiffed(s):
			s.Finding.Notes = append(s.Finding.Notes, "no longer wanted, and left as it is: "+someOf(left))
		case next.graph.Node(before.ID) == nil:
			r.Say(fmt.Sprintf("the step %s is gone, and what it has made stays: %s", before.ID, someOf(left)))
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

// madeOutputs are the outputs of types that name what their steps have made.
func madeOutputs() map[string][]string {
	return map[string][]string{
		"mkdir": {"paths"}, "fetch": {"path"}, "package": {"files"}, "untar": {"files"}, "place": {"files"},
		"glance-upload": {"images"}, "mirror": {"images"}, "prepare": {"env_file", "images_file"},
	}
}

// madeBy gives the names of what a step has made, without digests.
func madeBy(typ string, outputs runner.Outputs) []string {
	var names []string
	for _, name := range madeOutputs()[typ] {
		v, ok := outputs[name]
		if _, later := v.Later(); !ok || later {
			continue
		}
		all := v.Items()
		if !v.IsList() && v.String() != "" {
			all = []string{v.String()}
		}
		for _, item := range all {
			item, _, _ = strings.Cut(item, "@")
			names = append(names, item)
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

func someOf(names []string) string {
	text := strings.Join(names[:min(len(names), mostNames)], ", ")
	if n := len(names) - mostNames; n > 0 {
		text += " and " + human.Count(n, "other", "others")
	}
	return text
}
