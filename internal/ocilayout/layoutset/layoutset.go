// Package layoutset keeps the layouts that a process works with, each opened once. It knows nothing
// of what is in them.
package layoutset

import (
	"slices"
	"strconv"
	"sync"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// A Set is the layouts that somebody works with, each known by its path and by a number. It
// is for use by many goroutines at once. The zero value is an empty set.
type Set struct {
	mu  sync.Mutex
	all []*ocilayout.Layout
}

// At gives the layout at a path, with its number. It opens one that is not in the set.
func (s *Set) At(path string) (*ocilayout.Layout, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(path); i >= 0 {
		return s.all[i], i
	}
	s.all = append(s.all, ocilayout.Open(path))
	return s.all[len(s.all)-1], len(s.all) - 1
}

// Put makes a layout the one at its path.
func (s *Set) Put(l *ocilayout.Layout) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(l.Path()); i >= 0 {
		s.all[i] = l
	} else {
		s.all = append(s.all, l)
	}
}

// Find gives the number of the layout at a path, and whether there is one.
func (s *Set) Find(path string) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(path)
	return i, i >= 0
}

func (s *Set) find(path string) int {
	return slices.IndexFunc(s.all, func(l *ocilayout.Layout) bool { return l.Path() == path })
}

// Number gives the layout of a number, nil for none.
func (s *Set) Number(text string) *ocilayout.Layout {
	n, err := strconv.Atoi(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || n < 0 || n >= len(s.all) {
		return nil
	}
	return s.all[n]
}
