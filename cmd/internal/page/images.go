package page

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// An imageRow is an image in the table of images.
type imageRow struct {
	Name   string
	Step   *step
	Result string // created, updated, replaced, removed, unchanged, failed, not done, or the kind of a problem
	Note   string
	Source string  // where it comes from, "" for not known
	From   string  // digest before the run, "" for none or not known
	Digest string  // digest after the run, "" for none or not known
	Size   int64   // 0: not known
	Moved  int64   // bytes
	Mount  int64   // bytes mounted
	Took   float64 // seconds; 0: not known
}

// Class gives the CSS class of the result.
func (i imageRow) Class() string { return className(i.Result) }

// images gives the images of all steps: first those with which something is wrong. An
// image that a step has only found is left out if it has a row already: a check finds what
// a mirror before it has made.
func (r *report) images() []imageRow {
	var rows []imageRow
	seen := map[string]bool{}
	for _, s := range r.Steps {
		for _, row := range s.images() {
			seen[row.Name+"@"+row.Digest] = true
			rows = append(rows, row)
		}
	}
	for _, s := range r.Steps {
		for _, found := range s.found() {
			if ref := found.name + "@" + found.digest; !seen[ref] {
				seen[ref] = true
				rows = append(rows, imageRow{Name: found.name, Step: s, Result: string(runner.Unchanged), From: found.digest, Digest: found.digest})
			}
		}
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

// images gives the images that a step was to change, and then those with which it found a
// problem besides.
func (s *step) images() []imageRow {
	var rows []imageRow
	seen, digests := map[string]bool{}, map[string]string{}
	for _, found := range s.found() {
		digests[found.name] = found.digest
	}
	for _, it := range s.Items {
		if it.What == runner.Image {
			seen[it.Name] = true
			row := s.imageOf(it)
			row.Digest = cmp.Or(row.Digest, digests[row.Name])
			rows = append(rows, row)
		}
	}
	for _, p := range s.Problems {
		if p.What == string(runner.Image) && !seen[p.Name] {
			seen[p.Name] = true
			rows = append(rows, imageRow{Name: p.Name, Step: s, Result: p.Kind, From: p.Have, Digest: p.Want, Note: p.Lacks, Source: p.Source})
		}
	}
	return rows
}

// A foundImage is an image among the outputs of a step.
type foundImage struct{ name, digest string }

// found gives the images that a step gives as outputs with their digests.
func (s *step) found() []foundImage {
	var all []foundImage
	for _, output := range []string{"images", "digests"} {
		for _, ref := range s.Outputs[output].Items() {
			if name, digest, ok := strings.Cut(ref, "@"); ok {
				all = append(all, foundImage{name, digest})
			}
		}
	}
	return all
}

func (s *step) imageOf(it *history.ItemProgress) imageRow {
	row := imageRow{
		Name: it.Name, Step: s, Note: it.Note, Source: it.Source, From: it.From, Digest: it.To,
		Size: max(it.Size, it.Bytes), Moved: it.Bytes, Mount: it.Mounted,
	}
	switch {
	case it.Problem != nil:
		row.Result = it.Problem.Kind
	case it.Done:
		row.Result = view.Done(it.Op)
		if !it.Began.IsZero() {
			row.Took = it.Ended.Sub(it.Began).Seconds()
		}
		return row
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
