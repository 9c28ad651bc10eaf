package ocilayout

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// Changes that are asked for during a write are written together, and a change
// that cannot be made harms no other.
func TestDirChangesTogether(t *testing.T) {
	errOwn := errors.New("no such thing")
	tests := []struct {
		name   string
		open   func(dir string) *Layout
		bad    func(idx *layoutindex.Index) error // one of the changes
		want   string
		writes int // of the waiting changes; 0: any number
	}{
		{"a directory that processes share", Open, nil, "", 1},
		{"a directory of one process", func(dir string) *Layout { return OpenOwned(dir, dir+".uploads") }, nil, "", 1},
		{"a change gives an error", Open, func(idx *layoutindex.Index) error { idx.Manifests = nil; return errOwn }, errOwn.Error(), 0},
		{"a change is too large", Open, func(idx *layoutindex.Index) error {
			idx.Annotations = map[string]string{"text": strings.Repeat("x", maxIndex)}
			return nil
		}, "is too large", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := tt.open(t.TempDir())
			const n = 20
			errs, seen, bad := changeTogether(t, l, n, tt.bad)
			for i, err := range errs {
				if err != nil {
					t.Errorf("change %d: %v", i, err)
				}
			}
			if tt.bad != nil && (bad == nil || !strings.Contains(bad.Error(), tt.want)) {
				t.Errorf("the bad change: got %v, want %s", bad, tt.want)
			}
			if tt.writes > 0 && len(seen) != tt.writes {
				t.Errorf("%d changes took %d writes, want %d", n, len(seen), tt.writes)
			}
			idx, err := tt.open(l.Path()).Index()
			if err != nil {
				t.Fatal(err)
			}
			if len(idx.Manifests) != n+1 || len(idx.Annotations) > 0 {
				t.Errorf("the index names %d manifests, want %d", len(idx.Manifests), n+1)
			}
		})
	}
}

// changeTogether asks for n changes, and a bad one, while another change is made. It gives
// the errors and the copies of the index that the changes got.
func changeTogether(t *testing.T, l *Layout, n int, bad func(*layoutindex.Index) error) (errs []error, seen map[*layoutindex.Index]bool, badErr error) {
	t.Helper()
	began, goOn := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := l.Change(func(idx *layoutindex.Index) error {
			close(began)
			<-goOn
			idx.Insert(named("first"))
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-began
	errs, seen = make([]error, n), map[*layoutindex.Index]bool{}
	for i := range n {
		all.Go(func() {
			errs[i] = l.Change(func(idx *layoutindex.Index) error {
				seen[idx] = true // one goroutine writes for all
				idx.Insert(named(fmt.Sprint(i)))
				return nil
			})
		})
	}
	want := n
	if bad != nil {
		want++
		all.Go(func() { badErr = l.Change(bad) })
	}
	for s := l.store.(*dirStore); waiting(s) < want; {
		runtime.Gosched()
	}
	close(goOn)
	all.Wait()
	return errs, seen, badErr
}

func waiting(s *dirStore) int {
	s.queue.Lock()
	defer s.queue.Unlock()
	return len(s.asked)
}

func named(name string) descriptor.Descriptor {
	return descriptor.Descriptor{
		Digest:      digest.FromString(name),
		Annotations: map[string]string{layoutindex.NameKey: name},
	}
}
