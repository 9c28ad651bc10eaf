// Package rehearse runs plans as they are in a world of their own: a temporary directory in
// the place of the host's files, and registries, clouds and web servers inside the process.
// What the plans expect to be there is made, small and of its kind. Nothing outside is
// asked, and nothing is written beside that directory. It knows no step type.
package rehearse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/places"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/registries"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/trees"
	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/standin/signer"
	"github.com/bayplan/bayplan/internal/standin/upstream"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Options say how plans are rehearsed.
type Options struct {
	// Plan are the options with which the plans are read. Adapt is set by the rehearsal.
	Plan plan.Options
	// Keep is a directory, empty or absent, that keeps the world, or "".
	Keep string
	// Patience is how long nothing is said before a line says how far the phase is. 0 means 30
	// seconds.
	Patience time.Duration
	// Quiet leaves out what is as it should be, but for the verdict.
	Quiet bool
	// Say gets each line of text for people when it is known. Paths in it are those of
	// the plans.
	Say func(line string)
	// Warn gets what may be a mistake in a plan.
	Warn func(plan.Errors)
	// Ended gets each plan in which nothing is wrong, and with why each plan that is not
	// rehearsed; nil: nobody asks.
	Ended func(file, why string)
	// Found gets each problem besides Say; nil: nobody asks.
	Found func(*plan.Error)
}

// note says a line that is left out where only what is wrong is said.
func (o Options) note(line string) {
	if !o.Quiet {
		o.Say(line)
	}
}

// behindWrong is why a plan is not rehearsed.
const behindWrong = "not rehearsed, since a plan before it is wrong"

func (o Options) ended(file, why string) {
	if o.Ended != nil {
		o.Ended(file, why)
	}
}

// A rehearsal is one run of several plans in one world.
type rehearsal struct {
	Options
	root  *places.Root
	world *world
	parts []*part
	made  map[string]string // files and layouts of earlier plans, by their last names
	told  []told
	left  []string // what steps have left out

	done  int       // plans that were rehearsed
	phase string    // that is under way
	said  time.Time // when something was said last
}

// Run rehearses plans, in their order, in one world. It reports whether all went well.
// The error is a plan.Errors for plans with mistakes, and otherwise says why there could
// be no rehearsal.
func Run(ctx context.Context, files []string, o Options) (ok bool, err error) {
	start := time.Now()
	if err := checkKeep(o.Keep); err != nil {
		return false, err
	}
	o.Plan.Shared = &plan.Shared{}
	if err := validate(ctx, files, o); err != nil {
		return false, err
	}
	r := &rehearsal{Options: o, made: map[string]string{}, said: start}
	if r.root, err = places.NewRoot(o.Keep); err != nil {
		return false, fmt.Errorf("make a place for the rehearsal: %w", err)
	}
	defer func() {
		if o.Keep == "" {
			err = errors.Join(err, r.root.Remove())
		}
	}()
	if err := r.begin(ctx, files); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.world.close(), r.world.err) }()
	ok = true
	for i, p := range r.parts {
		if !ok {
			r.Say("\n" + p.file + ": " + behindWrong)
			r.ended(p.file, behindWrong)
			continue
		}
		if ok, err = r.rehearse(ctx, p, r.parts[i+1:]); err != nil {
			return false, err
		}
		if r.done++; ok {
			r.ended(p.file, "")
		}
	}
	if !o.Quiet {
		r.sayWorld()
	}
	r.sayVerdict(ok, time.Since(start))
	return ok, nil
}

// checkKeep gives an error unless a directory can keep a world.
func checkKeep(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case dir == "" || errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("--keep %s: the directory is not empty", dir)
	}
	return nil
}

// validate checks the plans as they are, and the files of their folders.
func validate(ctx context.Context, files []string, o Options) error {
	var all plan.Errors
	for _, file := range files {
		p, errs := loader.Load(ctx, file, o.Plan)
		all = append(all, errs...)
		if len(errs) == 0 {
			o.Warn(p.Warnings)
			all = append(all, p.Graph.CheckFiles(ctx, foreign(p.Parsed.Dir))...)
			o.note(fmt.Sprintf("%s: %s, no mistakes", file, human.Count(len(p.Graph.Nodes), "step", "steps")))
			for _, line := range offLines(p.Parsed.Off) {
				o.note("  " + line)
			}
		}
	}
	return append(all, o.Plan.Shared.Errors()...).Once().Err()
}

// foreign reports of a path whether it leads out of the plan's folder or its repository: what is there is
// stood in for.
func foreign(dir string) func(string) bool {
	home := places.Folder{}.Home(dir, dir)
	return func(path string) bool { return trees.Leaves(home, path) }
}

// begin reads the plans into the world, and makes its registries know what they need.
func (r *rehearsal) begin(ctx context.Context, files []string) error {
	for _, file := range files {
		p := &part{file: file}
		r.parts = append(r.parts, p)
		if err := r.load(ctx, p); err != nil {
			return err
		}
	}
	return r.makeWorld()
}

// load reads a plan as it is in the world.
func (r *rehearsal) load(ctx context.Context, p *part) error {
	s, errs := loader.Load(ctx, p.file, r.options(p, r.root.PlaceText))
	if err := errs.Err(); err != nil {
		return err
	}
	p.graph, p.steps, p.off, p.asked, p.conns = s.Graph, s.Graph.Foresee(), s.Graph.Off(), s.Asked, s.Conns
	if p.state == "" {
		p.owner, p.state = s.Parsed.File, filepath.Join(r.root.Dir, "state", fmt.Sprintf("%d-%s", slices.Index(r.parts, p)+1, s.Parsed.Name))
	}
	return nil
}

// makeWorld makes a world whose servers know what the plans need.
func (r *rehearsal) makeWorld() error {
	f := &registries.Plans{}
	for _, p := range r.parts {
		f.Add(p.steps)
	}
	rules, err := f.Rules()
	if err != nil {
		return err
	}
	pgp, err := signer.NewPGP()
	public, secret, mediaErr := minisign.Generate(rand.Reader)
	if err := errors.Join(err, mediaErr); err != nil {
		return err
	}
	r.world = &world{
		public: public, secret: secret, root: r.root, keep: r.Keep != "", rules: rules, plans: f, pgp: pgp,
		standIns: map[string][]byte{}, copied: map[string]bool{}, pushed: map[string][]byte{}, waived: map[string]bool{}, pinned: map[string]bool{},
		hosts: map[string]*registryHost{}, layouts: map[string]*upstream.Upstream{}, clouds: map[string]*cloudserver.Cloud{}, webs: map[string]*webHost{},
	}
	return nil
}

// rehearse goes through all phases with one plan, until one fails. later are the plans behind it.
func (r *rehearsal) rehearse(ctx context.Context, p *part, later []*part) (bool, error) {
	if len(r.parts) > 1 {
		r.note("")
		r.note(p.file)
	}
	b := &builder{world: r.world, things: thingsOf(r.root, p.in, p.steps), made: r.made}
	for _, next := range later {
		b.things.carry(thingsOf(r.root, next.in, next.steps))
	}
	if err := b.provide(ctx); err != nil {
		return false, err
	}
	r.told = append(r.told, b.told...)
	r.addLeft(p)
	for _, t := range b.things.ordered {
		if t.own && t.Kind == runner.ExpectImageList {
			p.lists = append(p.lists, t)
		}
	}
	for _, text := range b.notes {
		r.note("  note: " + r.root.Strip(text))
	}
	b.checkOff(p.off)
	b.mistakes.Sort()
	if wrong := problemsOf(b.mistakes); len(wrong) > 0 {
		r.sayPhase("files", 0, "", wrong)
		return false, nil
	}
	ok, err := r.phases(ctx, p)
	r.keepMade(p)
	return ok, err
}

// addLeft notes what steps leave out in this world.
func (r *rehearsal) addLeft(p *part) {
	for _, s := range p.steps {
		step, ok := s.Step.(runner.Rehearser)
		if !ok {
			continue
		}
		for _, text := range step.Rehearse(r.world) {
			r.left = append(r.left, s.Node.ID()+": "+text)
		}
	}
}

// keepMade remembers the files and layouts that a plan has made: somebody may carry them to
// where a later plan reads them.
func (r *rehearsal) keepMade(p *part) {
	for _, s := range p.steps {
		for _, path := range slices.Concat(s.Into, s.Writes) {
			if exists(path) || exists(pieces.TablePath(path)) {
				r.made[filepath.Base(path)] = path
			}
		}
	}
}
