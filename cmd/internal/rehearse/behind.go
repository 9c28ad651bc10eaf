package rehearse

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/revision"
	"github.com/bayplan/bayplan/internal/lockfile"
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
			made[p.in.real(r.root.real(path))] = true
		}
	}
	var all []reader
	add := func(name string, paths ...string) {
		one := reader{name: name}
		for _, path := range paths {
			if file := p.in.real(r.root.real(path)); !made[file] {
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
		was := without(before[one.name], one.files)
		for i, file := range without(one.files, before[one.name]) {
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
		was := without(before[one.name], one.files)
		for i, file := range slices.Concat(without(one.files, before[one.name]), one.files) {
			if !lists[file] || told[file] {
				continue
			}
			old := "" // nothing has read it
			switch {
			case i < len(was) && !slices.Contains(before[one.name], file):
				old = base.in.onDisk(was[i])
			case known[file]:
				old = base.in.onDisk(file)
			}
			told[file] = true
			changes = append(changes, changedLines(file, old, file)...)
		}
	}
	return changes
}

// lists gives the lists of images that steps read.
func (r *rehearsal) lists(p *part) map[string]bool {
	lists := map[string]bool{}
	for _, e := range runner.Expectations(p.steps) {
		if e.Kind == runner.ExpectImageList && e.Path != "" {
			lists[p.in.real(r.root.real(e.Path))] = true
		}
	}
	return lists
}

// changedLines tells which lines of a list are new and gone, but for comments.
func changedLines(file, before, now string) []document.PlanChange {
	was, is := linesOf(before), linesOf(now)
	if slices.Equal(was, is) {
		return nil
	}
	var changes []document.PlanChange
	for _, line := range without(was, is) {
		changes = append(changes, document.PlanChange{Op: runner.Remove, File: file, From: strings.TrimSpace(line)})
	}
	for _, line := range without(is, was) {
		changes = append(changes, document.PlanChange{Op: runner.Create, File: file, To: strings.TrimSpace(line)})
	}
	if len(changes) == 0 {
		changes = append(changes, document.PlanChange{Op: runner.Update, File: file, Note: "its lines are in another order"})
	}
	return changes
}

// linesOf gives the lines of a list that are not empty and no comments. A file that cannot be
// read has none: the step that reads it says why.
func linesOf(file string) []string {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Size() > revision.MaxFile {
		return nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var lines []string
	for line := range strings.Lines(string(content)) {
		line = strings.TrimRight(line, " \t\r\n")
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// without gives the texts of a list that another one does not have, as often as it lacks them.
func without(list, other []string) []string {
	there := map[string]int{}
	for _, text := range other {
		there[text]++
	}
	var rest []string
	for _, text := range list {
		if there[text]--; there[text] < 0 {
			rest = append(rest, text)
		}
	}
	return rest
}

// changedLock tells what is another in the lock file: apply looks up what is locked no longer,
// and takes what is locked.
func changedLock(was *lockfile.File, file string) ([]document.PlanChange, error) {
	is, err := lockfile.Read(file)
	if err == nil {
		file, err = filepath.Abs(file)
	}
	if err != nil {
		return nil, err
	}
	names := slices.Concat(was.Images(), was.Choices(), is.Images(), is.Choices())
	slices.Sort(names)
	var changes []document.PlanChange
	for _, name := range slices.Compact(names) {
		from, locked := was.Get(name)
		to, stays := is.Get(name)
		switch {
		case locked && !stays:
			changes = append(changes, document.PlanChange{Op: runner.Remove, File: file, From: name + " " + from, Note: "not locked: apply looks it up"})
		case stays && !locked:
			changes = append(changes, document.PlanChange{Op: runner.Create, File: file, To: name + " " + to})
		case from != to:
			changes = append(changes, document.PlanChange{Op: runner.Update, File: file, From: name + " " + from, To: name + " " + to})
		}
	}
	return changes, nil
}
