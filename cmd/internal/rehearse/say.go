package rehearse

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/human"

	"github.com/bayplan/bayplan/plan"
)

// sayPhase says how a phase went: one line, and one for each problem.
func (r *rehearsal) sayPhase(name string, took time.Duration, summary string, problems []problem) {
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
		r.Say("    " + p.at + ": " + strings.ReplaceAll(r.root.strip(text), "\n", "\n      "))
		if p.hint != "" {
			for line := range strings.SplitSeq(r.root.strip(p.hint), "\n") {
				r.Say("    hint: " + line)
			}
		}
		if r.Found != nil {
			r.Found(asError(p.at, r.root.strip(text), r.root.strip(p.hint)))
		}
	}
}

// asError makes the error of a problem at FILE:LINE:COLUMN or FILE:LINE.
func asError(at, text, hint string) *plan.Error {
	e := &plan.Error{File: at, Msg: text, Hint: hint}
	var numbers []int
	for range 2 {
		i := strings.LastIndexByte(e.File, ':')
		n, err := strconv.Atoi(e.File[i+1:])
		if i < 0 || err != nil {
			break
		}
		e.File, numbers = e.File[:i], append([]int{n}, numbers...)
	}
	if numbers = append(numbers, 0, 0); numbers[0] > 0 {
		e.Pos = plan.Pos{Line: numbers[0], Col: numbers[1]}
	}
	return e
}

// Most names of a kind that are said.
const (
	mostNames   = 3
	mostServers = 8
)

// sayWorld says what the world of the rehearsal was, in short: who was answered for, what
// was stood in for, and what was left out.
func (r *rehearsal) sayWorld() {
	r.Say("")
	r.sayList("answered inside: ", r.servers(), mostServers)
	byKind := map[string][]string{}
	for _, t := range r.told {
		if !slices.Contains(byKind[t.kind], t.name) {
			byKind[t.kind] = append(byKind[t.kind], t.name)
		}
	}
	r.sayList("carried: ", byKind[carried], mostNames)
	delete(byKind, carried)
	if len(byKind) > 0 {
		r.Say("stood in for:")
	}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		r.sayList("  "+kind+": ", byKind[kind], mostNames)
	}
	left := slices.Clone(r.left)
	if n := len(r.world.pinned); n > 0 {
		left = append(left, human.Count(n, "image has the digest of its stand-in", "images have the digests of their stand-ins"))
	}
	if len(left) > 0 {
		r.Say("waived:")
	}
	for _, text := range left {
		r.Say("  " + text)
	}
	if r.Keep != "" {
		r.Say("kept: " + r.root.dir)
	}
}

func (r *rehearsal) sayList(label string, names []string, most int) {
	if len(names) == 0 {
		return
	}
	r.Say(label + human.Line(human.Some(names, most)))
}

// servers gives the servers of the world that were asked.
func (r *rehearsal) servers() []string {
	names := slices.Sorted(maps.Keys(r.world.hosts))
	for _, name := range slices.Sorted(maps.Keys(r.world.clouds)) {
		names = append(names, "the cloud "+name)
	}
	return append(names, slices.Sorted(maps.Keys(r.world.webs))...)
}

func (r *rehearsal) sayVerdict(ok bool, took time.Duration) {
	plans := human.Count(len(r.parts), "plan", "plans")
	if ok {
		r.Say(fmt.Sprintf("rehearsed: %s in %.1fs, and nothing is wrong", plans, took.Seconds()))
		return
	}
	r.Say(fmt.Sprintf("rehearsed: %s in %.1fs, and something is wrong", plans, took.Seconds()))
}
