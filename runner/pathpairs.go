package runner

import (
	"cmp"
	"iter"
	"path/filepath"
	"slices"
)

// pathPairs returns the pairs of steps that may concern each other by their paths, in file
// order: one of them names a path that the other one names, too, or a directory above it. Of
// many steps, few do, so that not every step has to be compared with every other.
func pathPairs(all []nodePaths) [][2]int {
	var reads, writes, dirs, makes pathIndex
	for i, t := range all {
		reads.add(t.Reads, i)
		writes.add(t.Writes, i)
		dirs.add(t.dirs(), i)
		makes.add(t.Makes, i)
	}
	found := map[[2]int]bool{}
	for i, t := range all {
		writes.above(t.Writes, i, found)
		writes.above(t.dirs(), i, found)
		writes.above(t.Reads, i, found)
		reads.above(t.Writes, i, found)
		reads.above(t.dirs(), i, found)
		dirs.above(t.Reads, i, found)
		makes.above(t.Into, i, found)
		makes.above(t.Writes, i, found)
	}
	pairs := make([][2]int, 0, len(found))
	for pair := range found {
		pairs = append(pairs, pair)
	}
	slices.SortFunc(pairs, func(a, b [2]int) int { return cmp.Or(a[0]-b[0], a[1]-b[1]) })
	return pairs
}

// A pathIndex has the steps that name a path, by their places.
type pathIndex map[string][]int

func (x *pathIndex) add(paths []string, step int) {
	if *x == nil {
		*x = pathIndex{}
	}
	for _, p := range paths {
		(*x)[p] = append((*x)[p], step)
	}
}

// above adds the pairs of a step with those that name one of its paths, or a directory
// above it.
func (x pathIndex) above(paths []string, step int, found map[[2]int]bool) {
	for _, p := range paths {
		for _, other := range x.at(p) {
			if other != step {
				found[[2]int{min(step, other), max(step, other)}] = true
			}
		}
	}
}

// at returns the steps that name a path or a directory above it.
func (x pathIndex) at(path string) []int {
	var steps []int
	for dir := range upwards(path) {
		steps = append(steps, x[dir]...)
	}
	return steps
}

// upwards returns a path and all directories above it.
func upwards(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for yield(path) {
			up := filepath.Dir(path)
			if up == path {
				return
			}
			path = up
		}
	}
}
