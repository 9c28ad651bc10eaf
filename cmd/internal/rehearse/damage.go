package rehearse

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
)

// A damage is something that is broken behind the back of a step.
type damage struct {
	what string // in words, for messages
	do   func() error
	file string // that is damaged, or ""
	// undo repairs what an apply of the step alone would not bring back, or is nil.
	undo func() error
}

// maxTries is how many things of a kind that a step has made are damaged until a check
// notices.
const maxTries = 3

// damageAll damages one thing of each step that has made something, and wants diff to see
// it, and an apply to mend it. A check is to notice damage of a step before it.
func (r *rehearsal) damageAll(ctx context.Context, p *part, reports ...*runner.Report) (bool, error) {
	start := time.Now()
	d := &damager{rehearsal: r, part: p, ways: map[string][]damage{}, noticed: map[string]bool{}}
	for _, n := range p.graph.Order() {
		if !n.Type.Check {
			d.ways[n.ID()] = d.waysOf(n, reports)
		}
	}
	for _, n := range p.graph.Order() {
		if err := d.damageStep(ctx, n); err != nil {
			return false, err
		}
	}
	for _, n := range p.graph.Order() {
		if err := d.tryCheck(ctx, n); err != nil {
			return false, err
		}
	}
	r.sayPhase("damage", time.Since(start), d.summary(), d.problems)
	return len(d.problems) == 0, nil
}

// A damager damages what the steps of one plan have made.
type damager struct {
	*rehearsal
	*part
	ways     map[string][]damage // by step
	noticed  map[string]bool     // checks that have noticed damage
	seen     int
	problems []problem
}

func (d *damager) summary() string {
	text := fmt.Sprintf("of %d steps seen by diff and mended by apply", d.seen)
	if d.seen == 1 {
		text = "of 1 step seen by diff and mended by apply"
	}
	if n := len(d.noticed); n > 0 {
		text += fmt.Sprintf(", noticed by %d of %d checks", n, d.checks())
	}
	return text
}

func (d *damager) checks() int {
	n := 0
	for _, node := range d.graph.Nodes {
		if node.Type.Check {
			n++
		}
	}
	return n
}

// damageStep damages the first thing that a step has made.
func (d *damager) damageStep(ctx context.Context, n *runner.Node) error {
	ways := d.ways[n.ID()]
	if len(ways) == 0 {
		return nil
	}
	way := ways[0]
	if err := way.do(); err != nil {
		return fmt.Errorf("damage %s: %w", way.what, err)
	}
	report, err := d.run(ctx, d.part, runner.ModeDiff, n.ID())
	if err != nil {
		return err
	}
	switch s := report.Step(n.ID()); {
	case s.Status != runner.ToChange && s.Status != runner.ToCreate && s.Status != runner.Failed:
		d.problems = append(d.problems, d.problem(n.ID(), "diff does not see that "+way.what, ""))
	default:
		d.seen++
	}
	if err := d.notice(ctx, d.checksAfter(n)); err != nil {
		return err
	}
	return d.mend(ctx, n, way)
}

// mend repairs what was damaged, by an apply of the step.
func (d *damager) mend(ctx context.Context, n *runner.Node, way damage) error {
	if way.undo != nil {
		return way.undo()
	}
	report, err := d.run(ctx, d.part, runner.ModeApply, n.ID())
	if err != nil {
		return err
	}
	if s := report.Step(n.ID()); s.Status == runner.Failed {
		d.problems = append(d.problems, d.problem(n.ID(), fmt.Sprintf("apply does not mend that %s: %v", way.what, s.Err), fault.Hint(s.Err)))
	}
	return nil
}

// checksAfter gives the checks behind a step that have not noticed damage yet.
func (d *damager) checksAfter(n *runner.Node) []string {
	var ids []string
	for _, c := range d.graph.Nodes {
		if c.Type.Check && c.After(n.ID()) && !d.noticed[c.ID()] {
			ids = append(ids, c.ID())
		}
	}
	return ids
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

// tryCheck damages further things before a check that has noticed nothing so far, and at
// last lets the registries be down that it asks.
func (d *damager) tryCheck(ctx context.Context, n *runner.Node) error {
	if !n.Type.Check || d.noticed[n.ID()] {
		return nil
	}
	before := d.graph.Ancestors(n)
	for _, maker := range slices.Backward(before) {
		ways := d.ways[maker.ID()]
		for _, way := range ways[min(1, len(ways)):] {
			if err := way.do(); err != nil {
				return fmt.Errorf("damage %s: %w", way.what, err)
			}
			if err := d.notice(ctx, []string{n.ID()}); err != nil {
				return err
			}
			if err := d.mend(ctx, maker, way); err != nil {
				return err
			}
			if d.noticed[n.ID()] {
				return nil
			}
		}
	}
	return d.tryDown(ctx, n)
}

// tryDown lets all registries be down while a check runs.
func (d *damager) tryDown(ctx context.Context, n *runner.Node) error {
	for _, h := range d.world.hosts {
		h.down.Store(true)
		defer h.down.Store(false)
	}
	return d.notice(ctx, []string{n.ID()})
}

// waysOf gives how what a step has made can be damaged: each thing in its own way, and no
// more than maxTries of a kind.
func (d *damager) waysOf(n *runner.Node, reports []*runner.Report) []damage {
	var ways []damage
	seen, kinds := map[string]bool{}, map[string]int{}
	add := func(it runner.Item) {
		kind := string(it.What) + fmt.Sprint(d.root.holds(it.Name))
		if seen[it.Name] || kinds[kind] == maxTries || it.Op == runner.Remove {
			return
		}
		if way, ok := d.wayOf(it); ok {
			seen[it.Name] = true
			kinds[kind]++
			ways = append(ways, way)
		}
	}
	for _, report := range reports {
		s := report.Step(n.ID())
		if s == nil {
			continue
		}
		if c := s.Finding.Change; c != nil {
			for _, it := range c.Items {
				add(it)
			}
		}
		if s.Status != runner.Unchanged { // what it has made, where its items do not name it
			for _, path := range s.Outputs["files"].Items() {
				add(runner.Item{What: "file", Name: path})
			}
		}
	}
	return append(ways, d.removals(ways)...)
}

// removals are further ways: files that are gone.
func (d *damager) removals(ways []damage) []damage {
	var more []damage
	for _, way := range ways {
		if way.file != "" {
			more = append(more, damage{what: "the file " + d.root.strip(way.file) + " is gone", do: func() error { return os.Remove(way.file) }})
		}
	}
	return more
}

// wayOf gives how one thing can be damaged, if it can.
func (d *damager) wayOf(it runner.Item) (damage, bool) {
	name := d.root.strip(it.Name)
	switch {
	case d.root.holds(it.Name) && it.What == "directory":
		return d.moveAway(it.Name, "the directory "+name+" is gone"), true
	case d.root.holds(it.Name):
		return damage{what: "the file " + name + " has other bytes at its end", file: it.Name, do: func() error { return appendTo(it.Name) }}, true
	case it.What != "image":
		return damage{}, false
	}
	if dir, _, isLayout := registry.CutLayout(it.Name); isLayout {
		return d.breakLayout(dir), true
	}
	if host, repository, tag, err := registry.Split(it.Name); err == nil && tag != "" && strings.Contains(it.Name, "/") {
		return damage{what: "the tag of " + it.Name + " is gone", do: func() error { return d.world.registryOf(host).Remove(repository, tag) }}, true
	}
	return d.breakCloudImage(it.Name), true
}

func (d *damager) breakCloudImage(name string) damage {
	return damage{what: "the image " + name + " is gone", do: func() error {
		for _, c := range d.world.clouds {
			if found, err := c.RemoveImage(name); found || err != nil {
				return err
			}
		}
		return fmt.Errorf("no cloud has an image %s", name)
	}}
}

// breakLayout removes a layout: what it held is made again.
func (d *damager) breakLayout(dir string) damage {
	return damage{what: "the layout " + d.root.strip(dir) + " is gone", do: func() error { return os.RemoveAll(dir) }}
}

// moveAway moves a directory away, and back.
func (d *damager) moveAway(dir, what string) damage {
	return damage{
		what: what,
		do:   func() error { return os.Rename(dir, dir+".away") },
		undo: func() error { return os.Rename(dir+".away", dir) },
	}
}

func appendTo(file string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("damaged\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
