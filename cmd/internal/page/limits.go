package page

import (
	"strings"
	"unicode/utf8"
)

// What a page shows at most. With every step of the largest plans and all their texts it
// would have many megabytes. In place of what is left out the page says how much it is.
const (
	maxStepRows = 700 // steps in the table of steps
	maxTimeRows = 150 // steps in the time line
	maxErrors   = 100 // steps whose errors are shown
	maxProblems = 500 // in tables of problems
	maxNamed    = 100 // steps that did not run because of others
	maxNotes    = 500
	maxItems    = 1000 // that are not in the table of images
	maxImages   = 2000 // in the table of images

	maxErrorLines = 200 // of one error
	maxDiffLines  = 400 // of one file
	maxLine       = 400 // characters of a line

	maxErrorBytes = 100_000 // of all errors
	maxDiffBytes  = 150_000 // of all diffs
	maxPlanBytes  = 150_000 // of all files of the plan
)

// A some is the first of several things.
type some[T any] struct {
	Shown []T
	More  int // the number of the others
}

// take returns the first things of which there is room for left, and counts them off.
func take[T any](all []T, left *int) some[T] {
	n := min(len(all), max(0, *left))
	*left -= n
	return some[T]{all[:n], len(all) - n}
}

// takeLines returns the first lines of a text, at most most of them, of which there is room
// for left bytes. A line that is too long is cut.
func takeLines(all []string, most int, left *int) some[string] {
	var lines []string
	for _, line := range all[:min(len(all), most)] {
		if line = cut(line); len(line) >= *left {
			break
		}
		*left -= len(line) + 1
		lines = append(lines, line)
	}
	return some[string]{lines, len(all) - len(lines)}
}

// cut returns a line of at most maxLine characters.
func cut(line string) string {
	if len(line) <= maxLine || utf8.RuneCountInString(line) <= maxLine {
		return line
	}
	n := 0
	for i := range line {
		if n == maxLine {
			return line[:i] + "…"
		}
		n++
	}
	return line
}

func splitLines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }
