package page

import (
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/bayplan/bayplan/runner"
)

// maxDiffLines is how many lines of the diff of one file are shown.
const maxDiffLines = 400

// Sign gives the sign of what is done to the item.
func (i *item) Sign() string {
	switch i.Op {
	case runner.Create:
		return "+"
	case runner.Remove:
		return "−"
	case runner.Replace:
		return "±"
	}
	return "~"
}

// Word says what was done, or that it was not done.
func (i *item) Word() string {
	if !i.Done {
		return "not done: " + string(i.Op)
	}
	return doneWord(i.Op)
}

// Images counts the items that are in the table of images.
func (s *step) Images() int { return len(s.Items) - len(s.Others()) }

// Others gives the items that are not in the table of images.
func (s *step) Others() []*item {
	var all []*item
	for _, it := range s.Items {
		if it.What != "image" {
			all = append(all, it)
		}
	}
	return all
}

// A diffLine is a line of a unified diff.
type diffLine struct{ Kind, Text string }

// Diff gives how a text file was changed, without the names of the file.
func (i *item) Diff() []diffLine {
	if i.Old == i.New {
		return nil
	}
	const head = 3 // lines
	lines := strings.Split(strings.TrimSuffix(string(diff.Diff("old", []byte(i.Old), "new", []byte(i.New))), "\n"), "\n")
	lines = lines[min(head, len(lines)):]
	var all []diffLine
	for n, line := range lines {
		if n == maxDiffLines {
			return append(all, diffLine{"more", "… and more"})
		}
		kind := ""
		switch {
		case strings.HasPrefix(line, "+"):
			kind = "added"
		case strings.HasPrefix(line, "-"):
			kind = "removed"
		case strings.HasPrefix(line, "@@"):
			kind = "place"
		}
		all = append(all, diffLine{kind, line})
	}
	return all
}

// A planText is a file of the plan by its lines.
type planText struct {
	File, Digest string
	Lines        []string
}

// Plans gives the files of the plan.
func (r *report) Plans() []planText {
	var all []planText
	for _, t := range r.Run.Texts {
		text := strings.TrimSuffix(strings.ReplaceAll(t.Text, "\r\n", "\n"), "\n")
		all = append(all, planText{t.File, t.Digest, strings.Split(text, "\n")})
	}
	return all
}
