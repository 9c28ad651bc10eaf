package ocilayout

import (
	"strconv"
	"sync"
)

// A Set is the layouts that somebody works with, each known by its path and by a number. It
// is for use by many goroutines at once. The zero value is an empty set.
type Set struct {
	mu  sync.Mutex
	all []*Layout
}

// At gives the layout at a path, with its number. It opens one that is not in the set.
func (s *Set) At(path string) (*Layout, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, l := range s.all {
		if l.Path() == path {
			return l, i
		}
	}
	s.all = append(s.all, Open(path))
	return s.all[len(s.all)-1], len(s.all) - 1
}

// Put makes a layout the one at its path.
func (s *Set) Put(l *Layout) {
	_, i := s.At(l.Path())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[i] = l
}

// Number gives the layout of a number, nil for none.
func (s *Set) Number(text string) *Layout {
	n, err := strconv.Atoi(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || n < 0 || n >= len(s.all) {
		return nil
	}
	return s.all[n]
}
