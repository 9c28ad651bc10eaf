// Package pathindex finds which of many lists of paths have to do with each other: one has a
// path that the other one has, too, or a directory above it. Few of many do, so that not
// every list has to be compared with every other. Paths are clean and absolute.
package pathindex

import (
	"iter"
	"path/filepath"
	"strings"
)

// An Index has the numbers of the lists that a path is in.
type Index map[string][]int

// Add adds the paths of a list.
func (x Index) Add(paths []string, list int) {
	for _, p := range paths {
		x[p] = append(x[p], list)
	}
}

// Pairs are pairs of lists, the lower number first.
type Pairs map[[2]int]bool

// Above adds the pairs of a list with those in the index that have one of its paths, or a
// directory above it.
func (p Pairs) Above(x Index, paths []string, list int) {
	for _, path := range paths {
		for dir := range Upwards(path) {
			for _, other := range x[dir] {
				if other != list {
					p[[2]int{min(list, other), max(list, other)}] = true
				}
			}
		}
	}
}

// Upwards returns a path and all directories above it.
func Upwards(path string) iter.Seq[string] {
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

// Within reports whether a is b or lies below it.
func Within(a, b string) bool {
	return a == b || strings.HasPrefix(a, strings.TrimSuffix(b, "/")+"/")
}

// Contains reports whether b is a or lies below it.
func Contains(a, b string) bool { return Within(b, a) }

// Overlap reports whether one of two paths is the other one or lies below it.
func Overlap(a, b string) bool { return Within(a, b) || Within(b, a) }
