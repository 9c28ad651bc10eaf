package view

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A did is what a step has done so far.
type did struct {
	groups  []group // in the order in which they began
	items   int
	mounted int64 // bytes that registries had elsewhere
}

// A group counts items of one kind on which the same was done.
type group struct {
	op   runner.Op
	what runner.Thing
	n    int
	name string // of the last one
}

// add counts a finished item.
func (d *did) add(it runner.Item) {
	d.items++
	d.mounted += it.Mounted
	for i := range d.groups {
		if g := &d.groups[i]; g.op == it.Op && g.what == it.What {
			g.n, g.name = g.n+1, it.Name
			return
		}
	}
	d.groups = append(d.groups, group{it.Op, it.What, 1, it.Name})
}

// text says in one line what an ended step did: "45 images created, 601.3 MiB moved,
// 112.5 MiB mounted". It is "" if the step counted nothing.
func (d *did) text(e runner.Event) string {
	var parts []string
	for _, g := range d.groups {
		if d.items == 1 {
			parts = append(parts, fmt.Sprintf("%s %s %s", g.what, g.name, doneWord(g.op)))
			continue
		}
		parts = append(parts, human.Count(g.n, string(g.what), plural(string(g.what)))+" "+doneWord(g.op))
	}
	if e.Bytes > 0 {
		parts = append(parts, human.Size(e.Bytes)+" moved")
	}
	if d.mounted > 0 {
		parts = append(parts, human.Size(d.mounted)+" mounted")
	}
	return strings.Join(parts, ", ")
}

// plural returns the plural of a kind of items.
func plural(noun string) string {
	switch rest, ends := strings.CutSuffix(noun, "y"); {
	case ends:
		return rest + "ies"
	case strings.HasSuffix(noun, "s"):
		return noun
	}
	return noun + "s"
}

// doneWord says what was done to an item.
func doneWord(op runner.Op) string {
	switch op {
	case runner.Create:
		return "created"
	case runner.Update:
		return "updated"
	case runner.Replace:
		return "replaced"
	case runner.Remove:
		return "removed"
	}
	return string(op)
}
