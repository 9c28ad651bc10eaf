package registryserver

import (
	"testing"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// A layout that takes the place of another one, as files of a step do in each run, leaves nothing of
// that one.
func TestLayoutReplaced(t *testing.T) {
	var now *ocilayout.Layout
	s := &layouts{find: func(string) *ocilayout.Layout { return now }, all: map[string]*layoutRepos{}}
	var before *repository
	for range 3 {
		now = ocilayout.Open(t.TempDir())
		r := s.repository("0/a", false)
		if r == before || r != s.repository("0/a", false) || len(s.all) != 1 {
			t.Errorf("%d layouts are known", len(s.all))
		}
		before = r
	}
}
