package page

import (
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textdiff"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// A change is what a step was to change, without the items that are in the table of images.
type change struct {
	*step
	Images int // items in the table of images
	Others some[item]
}

// An item is one thing that a step was to change.
type item struct {
	*history.ItemProgress
	Diff some[diffLine] // how a text file was changed
}

// changes returns what the steps were to change.
func (r *report) changes() []change {
	var all []change
	items, bytes := maxItems, maxDiffBytes
	for _, s := range r.shown() {
		if len(s.Items) == 0 {
			continue
		}
		var others []*history.ItemProgress
		for _, it := range s.Items {
			if it.What != runner.Image {
				others = append(others, it)
			}
		}
		c := change{step: s, Images: len(s.Items) - len(others)}
		shown := take(others, &items)
		c.Others.More = shown.More
		for _, it := range shown.Shown {
			c.Others.Shown = append(c.Others.Shown, item{it, textDiff(it.Old, it.New, &bytes)})
		}
		all = append(all, c)
	}
	return all
}

// Word says what was done, or that it was not done.
func (i item) Word() string {
	if !i.Done {
		return "not done: " + string(i.Op)
	}
	return view.Done(i.Op)
}

// A diffLine is a line of a unified diff.
type diffLine struct{ Kind, Text string }

// textDiff returns how a text was changed, of which there is room for left bytes.
func textDiff(before, after string, left *int) some[diffLine] {
	if before == after {
		return some[diffLine]{}
	}
	var lines some[string]
	if *left > 0 {
		lines = takeLines(textdiff.Lines(before, after, maxDiffLines), maxDiffLines+1, left)
	}
	if len(lines.Shown) == 0 {
		return some[diffLine]{Shown: []diffLine{{"more", "(not shown: the page has no room)"}}}
	}
	all := some[diffLine]{More: lines.More}
	for _, line := range lines.Shown {
		kind := ""
		switch {
		case strings.HasPrefix(line, "+"):
			kind = "added"
		case strings.HasPrefix(line, "-"):
			kind = "removed"
		case strings.HasPrefix(line, "@@"):
			kind = "place"
		case strings.HasPrefix(line, "("):
			kind = "more"
		}
		all.Shown = append(all.Shown, diffLine{kind, line})
	}
	return all
}

// A planText is a file of the plan by its lines.
type planText struct {
	File, Digest string
	Lines        some[string]
}

// plans returns the files of the plan.
func (r *report) plans() []planText {
	var all []planText
	left := maxPlanBytes
	for _, t := range r.Run.Texts {
		text := strings.TrimSuffix(strings.ReplaceAll(t.Text, "\r\n", "\n"), "\n")
		lines := strings.Split(text, "\n")
		all = append(all, planText{t.File, t.Digest, takeLines(lines, len(lines), &left)})
	}
	return all
}

// A failure is a step that failed or was stopped, and why.
type failure struct {
	*step
	Lines    some[string] // of its error
	Problems some[fault.Problem]
}

// failures returns the steps that failed or were stopped.
func (r *report) failures() some[failure] {
	left, bytes, problems := maxErrors, maxErrorBytes, maxProblems
	failed := take(r.failed(), &left)
	all := some[failure]{More: failed.More}
	for _, s := range failed.Shown {
		f := failure{step: s, Problems: take(s.Problems, &problems)}
		if s.Error != "" {
			f.Lines = takeLines(splitLines(s.Error), maxErrorLines, &bytes)
		}
		all.Shown = append(all.Shown, f)
	}
	return all
}

// A noted is a step with its notes.
type noted struct {
	*step
	Notes some[string]
}

// notes returns the steps that have notes, and how many notes are left out.
func (r *report) notes() (all []noted, more int) {
	left := maxNotes
	for _, s := range r.Steps {
		if len(s.Notes) == 0 {
			continue
		}
		n := noted{s, take(s.Notes, &left)}
		if more += n.Notes.More; len(n.Notes.Shown) > 0 {
			all = append(all, n)
		}
	}
	return all, more
}

// NotesAreTable reports whether the notes are the lines of a table, such as that of the
// images in a cloud.
func (n noted) NotesAreTable() bool {
	return len(n.Notes.Shown) > 1 && strings.HasPrefix(n.Notes.Shown[0], "+-")
}
