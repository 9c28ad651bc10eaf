package rehearse

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// patience is how long nothing is said, where the options do not say it.
const patience = 30 * time.Second

// progress says how far the phase is, if nothing was said for a while.
func (r *rehearsal) progress(format string, args ...any) {
	if r.phase == "" || time.Since(r.said) < cmp.Or(r.Patience, patience) {
		return
	}
	r.said = time.Now()
	r.note(fmt.Sprintf("  %-12s ...    %s", r.phase, fmt.Sprintf(format, args...)))
}

// observer says how far a run is. What the steps before one have written is known when it begins.
func (r *rehearsal) observer() func(runner.Event) {
	steps, ended, items := 0, 0, 0
	return func(e runner.Event) {
		switch e.Kind {
		case runner.RunBegin:
			steps = e.Items
		case runner.StepBegin:
			r.world.plans.ListsChanged()
		case runner.StepEnd:
			ended++
		case runner.ItemDone:
			items++
		}
		r.progress("%d of %s, %s", ended, human.Count(steps, "step", "steps"), human.Count(items, "item", "items"))
	}
}

// sayPhase says how a phase went: one line, and one for each problem.
func (r *rehearsal) sayPhase(name string, took time.Duration, summary string, problems []problem) {
	r.said = time.Now()
	mark := "ok"
	if len(problems) > 0 {
		mark = "FAILED"
	}
	line := fmt.Sprintf("  %-12s %-6s", name, mark)
	if summary != "" {
		line += fmt.Sprintf(" %s (%.1fs)", summary, took.Seconds())
	}
	if len(problems) == 0 {
		r.note(line)
		return
	}
	r.Say(strings.TrimRight(line, " "))
	for _, p := range problems {
		text := p.text
		if p.step != "" {
			text = p.step + ": " + text
		}
		r.Say("    " + p.place() + ": " + strings.ReplaceAll(r.root.Strip(text), "\n", "\n      "))
		if p.hint != "" {
			for line := range strings.SplitSeq(r.root.Strip(p.hint), "\n") {
				r.Say("    hint: " + line)
			}
		}
		if r.Found != nil {
			r.Found(&plan.Error{File: p.file, Pos: p.pos, Msg: r.root.Strip(text), Hint: r.root.Strip(p.hint)})
		}
	}
}

// sayNotes says what the steps note in a diff.
func (r *rehearsal) sayNotes(report *runner.Report) {
	for _, s := range report.Steps {
		for _, text := range s.Finding.Notes {
			r.note("    note: " + s.ID + ": " + r.root.Strip(text))
		}
	}
}

// How many names of a kind are said in one line. Of more, each has its own.
const (
	maxNames   = 3
	maxServers = 8
)

// sayWorld says what the world of the rehearsal was: who was answered for, what was stood in
// for, and what was left out. All of it is said, since it is said nowhere else.
func (r *rehearsal) sayWorld() {
	r.Say("")
	r.sayList("answered inside: ", r.servers(), maxServers)
	byKind := map[string][]string{}
	for _, t := range r.told {
		if !slices.Contains(byKind[t.kind], t.name) {
			byKind[t.kind] = append(byKind[t.kind], t.name)
		}
	}
	r.sayList("carried: ", byKind[carried], maxNames)
	delete(byKind, carried)
	if len(byKind) > 0 {
		r.Say("stood in for:")
	}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		r.sayList("  "+kind+": ", byKind[kind], maxNames)
	}
	left := slices.Clone(r.left)
	for _, reference := range slices.Sorted(maps.Keys(r.world.pinned)) {
		left = append(left, "the digest of "+reference+": another image stands in for it")
	}
	if len(left) > 0 {
		r.Say("waived:")
	}
	for _, text := range left {
		r.Say("  " + text)
	}
	if r.Keep != "" {
		r.Say("kept: " + r.root.Dir)
	}
}

// offLines name the steps that are off, those with one reason in one line: they are not rehearsed.
func offLines(steps []*plan.Step) []string {
	var reasons []string
	ids := map[string][]string{}
	for _, s := range steps {
		reason := s.Off
		if s.When != "" {
			reason += ": " + s.When
		}
		if ids[reason] == nil {
			reasons = append(reasons, reason)
		}
		ids[reason] = append(ids[reason], s.ID)
	}
	var lines []string
	for _, reason := range reasons {
		lines = append(lines, human.Line("off here, and not rehearsed: "+human.Some(ids[reason], maxNames)+" ("+reason+")"))
	}
	return lines
}

func (r *rehearsal) sayList(label string, names []string, onLine int) {
	if len(names) <= onLine {
		if len(names) > 0 {
			r.Say(label + human.Line(strings.Join(names, ", ")))
		}
		return
	}
	r.Say(strings.TrimSuffix(label, " "))
	for _, name := range names {
		r.Say("    " + human.Line(name))
	}
}

// servers gives the servers of the world that were asked.
func (r *rehearsal) servers() []string {
	names := slices.Collect(maps.Keys(r.world.hosts))
	names = slices.AppendSeq(names, maps.Keys(r.world.webs))
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, ".invalid") }) // of the world only
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range slices.Sorted(maps.Keys(r.world.clouds)) {
		names = append(names, "the cloud "+name)
	}
	if len(names) == 0 {
		return []string{"nobody"}
	}
	return names
}

func (r *rehearsal) sayVerdict(ok bool, took time.Duration) {
	plans := human.Count(len(r.parts), "plan", "plans")
	if r.done < len(r.parts) {
		plans = fmt.Sprintf("%d of %s", r.done, plans)
	}
	if ok {
		r.Say(fmt.Sprintf("rehearsed: %s in %.1fs, and nothing is wrong", plans, took.Seconds()))
		return
	}
	r.Say(fmt.Sprintf("rehearsed: %s in %.1fs, and something is wrong", plans, took.Seconds()))
}
