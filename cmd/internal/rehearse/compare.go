package rehearse

import (
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/behind"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps"
)

// finish says what is another in the plan itself, since a change of it may show in nothing
// else here. It adds to the report what stays behind: what the base has made and no step of the
// plan wants, but none removes.
func (r *rehearsal) finish(told *document.Base, was, report *runner.Report, base, next *part) {
	if told.New {
		told.Changes = review.PlanChanges(nil, next.settings())
		r.addFiles(told, base, next)
		return
	}
	left := review.LeftBehind(base.madeBy(was), next.madeBy(report), steps.Builtin(nil))
	told.Changes = review.PlanChanges(base.settings(), next.settings())
	for i, c := range told.Changes {
		id, _ := strings.CutPrefix(strings.TrimSuffix(c.Setting, ".off"), "steps.")
		if (c.Op == runner.Remove || c.Setting == "steps."+id+".off") && left[id] != "" {
			told.Changes[i].Note = "what it has made stays: " + r.root.Strip(left[id])
		}
	}
	r.addFiles(told, base, next)
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

// addFiles tells what is another in the files behind the plan, and in its lock file.
func (r *rehearsal) addFiles(told *document.Base, base, next *part) {
	c := behind.Compare(r.behind(base), r.behind(next), next.clouds, r.shownPaths)
	told.Notes = append(told.Notes, c.Notes...)
	told.Changes = append(append(told.Changes, c.Changes...), next.locked...)
	for i, change := range told.Changes {
		if change.From+change.To != "" && change.Op == runner.Update && r.Plan.Redactor.Text(change.From) == r.Plan.Redactor.Text(change.To) {
			told.Changes[i].Note = strings.TrimPrefix(change.Note+"; what differs is secret", "; ")
		}
	}
	review.SortByWeight(told.Changes)
}

// behind gives what is known of the files of a plan.
func (r *rehearsal) behind(p *part) behind.Plan {
	if p.graph == nil {
		return behind.Plan{} // the plan is new
	}
	return behind.Plan{Root: r.root, In: p.in, On: p.steps, Off: p.off, Files: p.conns.Files()}
}
