// Package paging ends lists that a server gives in pages without an end, or in so many
// pages of so little content that reading them takes forever. It knows neither servers nor
// what the lists hold.
package paging

import (
	"errors"
	"fmt"
	"sync"

	"github.com/bayplan/bayplan/internal/human"
)

// ErrEndless says that a list does not end.
var ErrEndless = errors.New("a list without an end")

const (
	// thinPages is the number of pages that may hold little: a server may count what its
	// user cannot see.
	thinPages = 200
	// maxPages is more pages than any list has.
	maxPages = 4_000
)

// A List is one list while its pages are read. It is for use by many goroutines at once.
type List struct {
	Most  int64 // bytes of all pages
	Worth int64 // bytes of a page on average, once there are many pages

	mu    sync.Mutex
	asked map[string]bool
	bytes int64
}

// Ask notes that a page is about to be read. It gives an error if the list does not end.
func (l *List) Ask(page string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	pages := len(l.asked)
	switch {
	case l.asked[page]:
		return fmt.Errorf("%w: the page after %s is that page again", ErrEndless, page)
	case l.bytes > l.Most:
		return fmt.Errorf("%w: it is larger than %s", ErrEndless, human.Size(l.Most))
	case pages >= maxPages:
		return fmt.Errorf("%w: it has more than %d pages", ErrEndless, maxPages)
	case int64(pages-thinPages)*l.Worth > l.bytes:
		return fmt.Errorf("%w: there is little in its pages: %s in %d", ErrEndless, human.Size(l.bytes), pages)
	}
	if l.asked == nil {
		l.asked = map[string]bool{}
	}
	l.asked[page] = true
	return nil
}

// Add counts content that has come.
func (l *List) Add(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes += n
}
