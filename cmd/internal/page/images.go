package page

import (
	"slices"
	"strings"

	"github.com/bayplan/bayplan/runner"
)

// An imageRow is an image in the table of images.
type imageRow struct {
	Name   string
	Step   string
	Result string // created, updated, replaced, removed, unchanged, failed, not done, or the kind of a problem
	Note   string
	From   string  // digest before the run, "" for none or not known
	Digest string  // digest after the run, "" for none or not known
	Size   int64   // 0: not known
	Moved  int64   // bytes
	Mount  int64   // bytes mounted
	Took   float64 // seconds; 0: not known
}

// Class gives the CSS class of the result.
func (i imageRow) Class() string { return className(i.Result) }

// doneWord gives the result of an item that is finished.
func doneWord(op runner.Op) string {
	switch op {
	case runner.Update:
		return "updated"
	case runner.Replace:
		return "replaced"
	case runner.Remove:
		return "removed"
	}
	return "created"
}

// images gives the images of all steps: first those with which something is wrong.
func (r *report) images() []imageRow {
	var rows []imageRow
	for _, s := range r.Steps {
		rows = append(rows, s.images()...)
	}
	slices.SortStableFunc(rows, func(a, b imageRow) int { return order(a.Result) - order(b.Result) })
	return rows
}

func order(result string) int {
	switch result {
	case "created", "updated", "replaced", "removed":
		return 2
	case "unchanged":
		return 3
	case "not done":
		return 1
	}
	return 0
}

// images gives the images that a step was to change, those with which it found a problem,
// and those that it gives as its outputs.
func (s *step) images() []imageRow {
	var rows []imageRow
	seen := map[string]bool{}
	for _, p := range s.Problems {
		if p.What == "image" && !seen[p.Name] {
			seen[p.Name] = true
			rows = append(rows, imageRow{Name: p.Name, Step: s.ID, Result: p.Kind, From: p.Have, Digest: p.Want, Note: p.Lacks})
		}
	}
	for _, it := range s.Items {
		if it.What == "image" && !seen[it.Name] {
			seen[it.Name] = true
			rows = append(rows, s.imageOf(it))
		}
	}
	for _, output := range []string{"images", "digests"} {
		for _, ref := range s.outputs[output].Items() {
			name, digest, ok := strings.Cut(ref, "@")
			if ok && !seen[name] && !seen[ref] {
				seen[name] = true
				rows = append(rows, imageRow{Name: name, Step: s.ID, Result: string(runner.Unchanged), From: digest, Digest: digest})
			}
		}
	}
	return rows
}

func (s *step) imageOf(it *item) imageRow {
	row := imageRow{
		Name: it.Name, Step: s.ID, Note: it.Note, From: it.From, Digest: it.To,
		Size: max(it.Size, it.Bytes), Moved: it.Bytes, Mount: it.Mounted,
	}
	switch {
	case it.Done:
		row.Result = doneWord(it.Op)
		if !it.Began.IsZero() {
			row.Took = it.Ended.Sub(it.Began).Seconds()
		}
		return row
	case strings.Contains(s.Error, it.Name):
		row.Result = string(runner.Failed)
	default:
		row.Result = "not done"
	}
	row.Moved, row.Digest = 0, it.From
	return row
}

// results gives the results of the images, each once.
func results(rows []imageRow) []string {
	var all []string
	for _, row := range rows {
		if !slices.Contains(all, row.Result) {
			all = append(all, row.Result)
		}
	}
	return all
}
