package rehearse

import (
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/cmd/internal/revision"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
)

// finish says what is another in the plan itself, since a change of it may show in nothing
// else here. It adds to the report what stays behind: what the base has made and no step of the
// plan wants, but none removes.
func (r *rehearsal) finish(told *document.Base, was, report *runner.Report, base, next *part) {
	if told.New {
		told.Changes = append(review.PlanChanges(nil, next.settings()), r.changedLists(base, next)...)
		review.SortByWeight(told.Changes)
		return
	}
	left := review.LeftBehind(was, report, steps.Builtin(nil))
	told.Changes = review.PlanChanges(base.settings(), next.settings())
	for i, c := range told.Changes {
		id, _ := strings.CutPrefix(c.Setting, "steps.")
		if c.Op == runner.Remove && left[id] != "" {
			told.Changes[i].Note = "what it has made stays: " + r.root.strip(left[id])
		}
	}
	told.Changes = append(told.Changes, r.changedFiles(base, next)...)
	told.Changes = append(told.Changes, r.movedFiles(base, next)...)
	told.Changes = append(told.Changes, r.changedLists(base, next)...)
	told.Changes = append(told.Changes, next.locked...)
	review.SortByWeight(told.Changes)
	if base.in.revision != nil && base.in.revision.Err() != nil {
		told.Notes = append(told.Notes, base.in.revision.Err().Error())
	}
	for _, s := range report.Steps {
		if left[s.ID] != "" {
			s.Finding.Notes = append(s.Finding.Notes, "no longer wanted, and left as it is: "+r.root.strip(left[s.ID]))
		}
	}
}

// settings gives what the plan of a part says. Files of secrets have the paths that they mean.
func (p *part) settings() map[string]any {
	all := p.graph.Plan.Settings()
	for _, value := range all {
		settings, _ := value.(map[string]any)
		if file, ok := settings["file"].(string); ok {
			settings["file"] = p.in.real(file)
		}
	}
	return all
}

// changedFiles tells of the files that connections and steps of both plans read and that have
// another content now. Of a list of images, changedLists tells more.
func (r *rehearsal) changedFiles(base, next *part) []document.PlanChange {
	var changes []document.PlanChange
	before, now := r.readBy(base), r.readBy(next)
	for _, file := range slices.Sorted(maps.Keys(now)) {
		if before[file] == "" || revision.SameContent(base.in.onDisk(file), file) {
			continue
		}
		changes = append(changes, document.PlanChange{Op: runner.Update, File: file, Note: "its content is another; " + now[file] + " reads it"})
	}
	return changes
}

// readBy gives who reads each file: the first step, or the first setting of a connection.
func (r *rehearsal) readBy(p *part) map[string]string {
	by := map[string]string{}
	for _, f := range p.conns.Files() {
		by[p.in.real(r.root.real(f.Path))] = f.Setting
	}
	for _, s := range p.steps {
		for _, path := range s.Reads {
			if file := p.in.real(r.root.real(path)); by[file] == "" {
				by[file] = "steps." + s.Node.ID()
			}
		}
	}
	for _, s := range p.steps {
		for _, path := range s.Writes {
			delete(by, p.in.real(r.root.real(path)))
		}
	}
	for _, e := range runner.Expectations(p.steps) {
		if e.Kind == runner.ExpectImageList {
			delete(by, p.in.real(r.root.real(e.Path)))
		}
	}
	return by
}
