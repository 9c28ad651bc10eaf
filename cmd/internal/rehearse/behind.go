package rehearse

import (
	"fmt"
	"slices"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/runner"
)

// A reader is a setting of a connection, or a step, with the files that it reads as the plan
// means them.
type reader struct {
	name  string
	files []string
}

// readers gives who reads files that no step makes, in the order of the plan.
func (r *rehearsal) readers(p *part) []reader {
	if p.graph == nil {
		return nil // the plan is new
	}
	made := map[string]bool{}
	for _, s := range p.steps {
		for _, path := range s.Writes {
			made[p.in.Real(r.root.Real(path))] = true
		}
	}
	var all []reader
	add := func(name string, paths ...string) {
		one := reader{name: name}
		for _, path := range paths {
			if file := p.in.Real(r.root.Real(path)); !made[file] {
				one.files = append(one.files, file)
			}
		}
		all = append(all, one)
	}
	for _, f := range p.conns.Files() {
		add(f.Setting, f.Path)
	}
	for _, s := range p.steps {
		add("steps."+s.Node.ID(), s.Reads...)
	}
	return all
}

// movedFiles tells of the files that a setting or a step reads in the place of others: what is
// written in the plan may be the same, and relative to another directory.
func (r *rehearsal) movedFiles(base, next *part) []document.PlanChange {
	before := map[string][]string{}
	for _, one := range r.readers(base) {
		before[one.name] = one.files
	}
	var changes []document.PlanChange
	for _, one := range r.readers(next) {
		was := review.Without(before[one.name], one.files)
		for i, file := range review.Without(one.files, before[one.name]) {
			if i < len(was) {
				changes = append(changes, document.PlanChange{Op: runner.Update, File: file, Note: fmt.Sprintf("%s reads it in the place of %s", one.name, was[i])})
			}
		}
	}
	return changes
}

// changedLists tells which lines of lists of images are new and gone: the names of images there
// are those of stand-ins, whatever their source is.
func (r *rehearsal) changedLists(base, next *part) []document.PlanChange {
	lists := r.lists(next)
	before, known := map[string][]string{}, map[string]bool{}
	for _, one := range r.readers(base) {
		before[one.name] = one.files
		for _, file := range one.files {
			known[file] = true
		}
	}
	var changes []document.PlanChange
	told := map[string]bool{}
	for _, one := range r.readers(next) {
		was := review.Without(before[one.name], one.files)
		for i, file := range slices.Concat(review.Without(one.files, before[one.name]), one.files) {
			if !lists[file] || told[file] {
				continue
			}
			old := "" // nothing has read it
			switch {
			case i < len(was) && !slices.Contains(before[one.name], file):
				old = base.in.OnDisk(was[i])
			case known[file]:
				old = base.in.OnDisk(file)
			}
			told[file] = true
			changes = append(changes, review.ChangedLines(file, old, file)...)
		}
	}
	return changes
}

// lists gives the lists of images that steps read.
func (r *rehearsal) lists(p *part) map[string]bool {
	lists := map[string]bool{}
	for _, e := range runner.Expectations(p.steps) {
		if e.Kind == runner.ExpectImageList && e.Path != "" {
			lists[p.in.Real(r.root.Real(e.Path))] = true
		}
	}
	return lists
}
