package paging

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// read reads a list whose pages hold so many bytes, and gives the number of pages that were
// read before the error.
func read(l *List, pages int, bytes int64) (int, error) {
	for n := range pages {
		if err := l.Ask(fmt.Sprint(n)); err != nil {
			return n, err
		}
		l.Add(bytes)
	}
	return pages, nil
}

func TestList(t *testing.T) {
	for name, tt := range map[string]struct {
		pages int
		bytes int64
		read  int
		want  string
	}{
		"few thin pages":      {200, 0, 200, ""},
		"many empty pages":    {1 << 20, 0, 201, "little in its pages: 0 B in 201"},
		"many thin pages":     {1 << 20, 50, 401, "little in its pages: 19.6 KiB in 401"},
		"many pages":          {4_000, 100, 4_000, ""},
		"too many pages":      {1 << 20, 100, 4_000, "more than 4000 pages"},
		"a list that is full": {1 << 20, 1 << 20, 5, "larger than 4.0 MiB"},
		"one large page":      {1, 1 << 30, 1, ""},
	} {
		n, err := read(&List{Most: 4 << 20, Worth: 100}, tt.pages, tt.bytes)
		if n != tt.read || (err == nil) != (tt.want == "") || err != nil && (!errors.Is(err, ErrEndless) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v after %d pages, want %q after %d", name, err, n, tt.want, tt.read)
		}
	}
	l := &List{Most: 1, Worth: 1}
	if err := errors.Join(l.Ask("a"), l.Ask("b")); err != nil {
		t.Error(err)
	}
	if err := l.Ask("a"); !errors.Is(err, ErrEndless) || !strings.Contains(err.Error(), "the page after a is that page again") {
		t.Errorf("a page that was read: %v", err)
	}
}
