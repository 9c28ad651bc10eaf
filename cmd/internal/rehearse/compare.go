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
	left := review.LeftBehind(base.madeBy(was), next.madeBy(report), steps.Builtin(nil))
	told.Changes = review.PlanChanges(base.settings(), next.settings())
	for i, c := range told.Changes {
		id, _ := strings.CutPrefix(c.Setting, "steps.")
		if c.Op == runner.Remove && left[id] != "" {
			told.Changes[i].Note = "what it has made stays: " + r.root.Strip(left[id])
		}
	}
	r.changedFiles(told, base, next)
	told.Changes = append(told.Changes, r.movedFiles(base, next)...)
	told.Changes = append(told.Changes, r.changedLists(base, next)...)
	told.Changes = append(told.Changes, next.locked...)
	review.SortByWeight(told.Changes)
	if base.in.Revision != nil && base.in.Revision.Err() != nil {
		told.Notes = append(told.Notes, base.in.Revision.Err().Error())
	}
	for _, s := range report.Steps {
		if left[s.ID] != "" {
			s.Finding.Notes = append(s.Finding.Notes, "no longer wanted, and left as it is: "+r.root.Strip(left[s.ID]))
		}
	}
}

// madeBy gives a report of the plan with where its steps make things.
func (p *part) madeBy(report *runner.Report) review.Run {
	clouds, dirs := map[string]string{}, map[string]string{} // by step
	for _, s := range p.steps {
		for _, cloud := range p.cloudsOf(s.Node) {
			clouds[s.Node.ID()] = cloud
		}
		if len(s.Into) == 1 {
			dirs[s.Node.ID()] = s.Into[0]
		}
	}
	return review.Run{Report: report, Place: func(step, name string) string {
		switch cloud, dir := clouds[step], dirs[step]; {
		case cloud != "":
			return name + " in the cloud " + cloud
		case dir != "" && !strings.ContainsAny(name, "/:"): // neither a path nor a reference
			return name + " in " + dir
		}
		return name
	}}
}

// settings gives what the plan of a part says. Files of secrets have the paths that they mean.
func (p *part) settings() map[string]any {
	all := p.graph.Plan.Settings()
	for _, value := range all {
		settings, _ := value.(map[string]any)
		if file, ok := settings["file"].(string); ok {
			settings["file"] = p.in.Real(file)
		}
	}
	return all
}

// changedFiles tells of the files that connections and steps of both plans read and that have
// another content now, or may have. Of a list of images, changedLists tells more.
func (r *rehearsal) changedFiles(told *document.Base, base, next *part) {
	before, now := r.readBy(base), r.readBy(next)
	for _, file := range slices.Sorted(maps.Keys(now)) {
		if before[file] == "" {
			continue
		}
		switch same, err := revision.SameContent(base.in.OnDisk(file), file); {
		case err != nil:
			told.Notes = append(told.Notes, file+": whether its content is another is not known: "+r.shownPaths(err.Error())+"; "+now[file]+" reads it")
		case !same:
			told.Changes = append(told.Changes, document.PlanChange{Op: runner.Update, File: file, Note: "its content is another; " + now[file] + " reads it"})
		}
	}
}

// readBy gives who reads each file: the first step, or the first setting of a connection.
func (r *rehearsal) readBy(p *part) map[string]string {
	by := map[string]string{}
	for _, f := range p.conns.Files() {
		by[p.in.Real(r.root.Real(f.Path))] = f.Setting
	}
	for _, s := range p.steps {
		for _, path := range s.Reads {
			if file := p.in.Real(r.root.Real(path)); by[file] == "" {
				by[file] = "steps." + s.Node.ID()
			}
		}
	}
	for _, s := range p.steps {
		for _, path := range s.Writes {
			delete(by, p.in.Real(r.root.Real(path)))
		}
	}
	for _, e := range runner.Expectations(p.steps) {
		if e.Kind == runner.ExpectImageList {
			delete(by, p.in.Real(r.root.Real(e.Path)))
		}
	}
	return by
}
