package rehearse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/pathindex"
	"github.com/bayplan/bayplan/runner"
)

// A damage is something that is broken behind the back of a step.
type damage struct {
	what string // in words, for messages
	do   func() error
	file string // that is damaged, or ""
	dir  string // that is moved away, or ""
	// undo repairs what an apply of the step alone would not bring back, or is nil.
	undo func() error
}

// maxTries is how many things of a kind that a step has made are damaged until a check
// notices.
const maxTries = 3

// damageAll damages one thing of each step that has made something, and wants diff to see
// it, and an apply to mend it. A check is to notice damage of a step before it. Many steps are
// damaged at once, so that the time does not grow with the square of their number.
func (r *rehearsal) damageAll(ctx context.Context, p *part, reports ...*runner.Report) (bool, error) {
	start := time.Now()
	r.phase = "damage"
	d := &damager{rehearsal: r, part: p, ways: map[string][]damage{}, noticed: map[string]bool{}}
	for _, n := range p.graph.Order() {
		if !n.Type.Check {
			d.ways[n.ID()] = d.waysOf(n, reports)
		}
	}
	rounds := d.rounds()
	for i, steps := range rounds {
		r.progress("round %d of %d: %s", i+1, len(rounds), human.Count(len(steps), "step", "steps"))
		if err := d.damageSteps(ctx, steps); err != nil {
			return false, err
		}
	}
	if err := d.tryChecks(ctx); err != nil {
		return false, err
	}
	r.sayPhase("damage", time.Since(start), d.summary(), d.problems)
	return len(d.problems) == 0, nil
}

// A damager damages what the steps of one plan have made.
type damager struct {
	*rehearsal
	*part
	ways     map[string][]damage // by step
	noticed  map[string]bool     // checks that have noticed damage, or that registries are down
	asking   int                 // of them: those that have noticed nothing else
	damaged  int                 // steps
	left     int                 // steps that were not damaged, since they would take too long
	problems []problem
}

func (d *damager) summary() string {
	text := "nothing to damage"
	if d.damaged > 0 {
		text = fmt.Sprintf("diff sees the damage of %s, and apply repairs it", human.Count(d.damaged, "step", "steps"))
	}
	if d.left > 0 {
		text += fmt.Sprintf("; %s left out", human.Count(d.left, "step is", "steps are"))
	}
	if n := len(d.checks(func(*runner.Node) bool { return true })); n > 0 {
		text += fmt.Sprintf("; noticed by %d of %s", len(d.noticed)-d.asking, human.Count(n, "check", "checks"))
	}
	if d.asking > 0 {
		text += fmt.Sprintf(", by %d more only where no registry answers", d.asking)
	}
	return text
}

// checks gives the checks of the plan that are wanted.
func (d *damager) checks(wanted func(*runner.Node) bool) []string {
	var ids []string
	for _, n := range d.graph.Nodes {
		if n.Type.Check && wanted(n) {
			ids = append(ids, n.ID())
		}
	}
	return ids
}

// maxRounds is how many rounds of damage there are at most.
const maxRounds = 16

// A broken is a step with what was damaged of it.
type broken struct {
	id string
	damage
}

// rounds puts the first damage of each step into rounds. The steps of one round do not wait for
// each other directly. Directories are moved away in rounds of their own, none inside another.
func (d *damager) rounds() [][]broken {
	var rounds [][]broken
	in := map[string]int{} // the round of a step
	for _, n := range d.graph.Order() {
		ways := d.ways[n.ID()]
		if len(ways) == 0 {
			continue
		}
		taken := map[int]bool{}
		for _, e := range n.Needs {
			if i, known := in[e.From]; known {
				taken[i] = true
			}
		}
		way := broken{n.ID(), ways[0]}
		i := 0
		for i < len(rounds) && (taken[i] || !goesWith(rounds[i], way)) {
			i++
		}
		switch {
		case i < len(rounds):
			rounds[i] = append(rounds[i], way)
		case i == maxRounds:
			d.left++
			continue
		default:
			rounds = append(rounds, []broken{way})
		}
		in[n.ID()] = i
	}
	return rounds
}

// goesWith reports whether a damage does not get into the way of those of a round.
func goesWith(round []broken, way broken) bool {
	if moves := round[0].dir != ""; moves != (way.dir != "") {
		return false
	}
	return way.dir == "" || !slices.ContainsFunc(round, func(o broken) bool { return pathindex.Overlap(o.dir, way.dir) })
}

// damageSteps damages the steps of a round.
func (d *damager) damageSteps(ctx context.Context, round []broken) error {
	round, err := breakAll(round)
	if err != nil || len(round) == 0 {
		return err
	}
	report, err := d.run(ctx, d.part, runner.ModeDiff, idsOf(round)...)
	if err != nil {
		return err
	}
	for _, way := range round {
		switch s := report.Step(way.id); s.Status {
		case runner.ToChange, runner.ToCreate, runner.Failed, runner.Waiting:
			d.damaged++
		default:
			d.problems = append(d.problems, d.problem(way.id, "diff does not see that "+way.what, ""))
		}
	}
	if err := d.notice(ctx, d.unnoticed(round)); err != nil {
		return err
	}
	return d.mend(ctx, round)
}

// breakAll does all damage that can be done, and gives it: what is gone with something else is
// left out.
func breakAll(ways []broken) ([]broken, error) {
	var done []broken
	for _, way := range ways {
		switch err := way.do(); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("damage %s: %w", way.what, err)
		default:
			done = append(done, way)
		}
	}
	return done, nil
}

func idsOf(ways []broken) []string {
	ids := make([]string, len(ways))
	for i, way := range ways {
		ids[i] = way.id
	}
	return ids
}

// mend repairs what was damaged, by an apply of the steps.
func (d *damager) mend(ctx context.Context, ways []broken) error {
	for _, way := range slices.Backward(ways) {
		if way.undo != nil {
			if err := way.undo(); err != nil {
				return err
			}
		}
	}
	ways = slices.DeleteFunc(slices.Clone(ways), func(way broken) bool { return way.undo != nil })
	if len(ways) == 0 {
		return nil
	}
	report, err := d.run(ctx, d.part, runner.ModeApply, idsOf(ways)...)
	if err != nil {
		return err
	}
	for _, way := range ways {
		if s := report.Step(way.id); s.Status == runner.Failed {
			d.problems = append(d.problems, d.problem(way.id, fmt.Sprintf("apply does not mend that %s: %v", way.what, s.Err), fault.Hint(s.Err)))
		}
	}
	return nil
}

// unnoticed gives the checks behind any of the steps that have not noticed damage yet.
func (d *damager) unnoticed(ways []broken) []string {
	return d.checks(func(check *runner.Node) bool {
		return !d.noticed[check.ID()] && slices.ContainsFunc(ways, func(way broken) bool { return check.After(way.id) })
	})
}

// notice runs checks and remembers those that notice the damage that was done.
func (d *damager) notice(ctx context.Context, checks []string) error {
	if len(checks) == 0 {
		return nil
	}
	report, err := d.run(ctx, d.part, runner.ModeDiff, checks...)
	if err != nil {
		return err
	}
	for _, s := range report.Steps {
		if s.Status == runner.Failed {
			d.noticed[s.ID] = true
		}
	}
	return nil
}

// tryChecks damages further things before the checks that have noticed nothing so far, and at
// last lets the registries be down that they ask.
func (d *damager) tryChecks(ctx context.Context) error {
	for i := 1; ; i++ {
		var ways []broken
		checks := d.checks(func(check *runner.Node) bool { return !d.noticed[check.ID()] })
		for _, n := range d.graph.Order() {
			if all := d.ways[n.ID()]; i < len(all) && slices.ContainsFunc(checks, func(id string) bool { return d.graph.Node(id).After(n.ID()) }) {
				ways = append(ways, broken{n.ID(), all[i]})
			}
		}
		if len(ways) == 0 {
			return d.tryDown(ctx, checks)
		}
		d.progress("further things before %s", human.Count(len(checks), "check", "checks"))
		ways, err := breakAll(ways)
		if err != nil {
			return err
		}
		if len(ways) == 0 {
			continue
		}
		if err := d.notice(ctx, checks); err != nil {
			return err
		}
		if err := d.mend(ctx, ways); err != nil {
			return err
		}
	}
}

// tryDown lets all registries be down while checks run. A check that fails then asks a registry, and
// may not look at what is there.
func (d *damager) tryDown(ctx context.Context, checks []string) error {
	for _, h := range d.world.hosts {
		h.down.Store(true)
		defer h.down.Store(false)
	}
	before := len(d.noticed)
	err := d.notice(ctx, checks)
	d.asking = len(d.noticed) - before
	return err
}
