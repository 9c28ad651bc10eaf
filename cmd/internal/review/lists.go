package review

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/revision"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/runner"
)

// ChangedLines tells which lines of a list are new and gone, but for comments.
func ChangedLines(file, before, now string) []document.PlanChange {
	was, is := linesOf(before), linesOf(now)
	if slices.Equal(was, is) {
		return nil
	}
	var changes []document.PlanChange
	for _, line := range Without(was, is) {
		changes = append(changes, document.PlanChange{Op: runner.Remove, File: file, From: strings.TrimSpace(line)})
	}
	for _, line := range Without(is, was) {
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

// Without gives the texts of a list that another one does not have, as often as it lacks them.
func Without(list, other []string) []string {
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

// ChangedLock tells what is another in the lock file: apply looks up what is locked no longer,
// and takes what is locked.
func ChangedLock(was *lockfile.File, file string) ([]document.PlanChange, error) {
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
