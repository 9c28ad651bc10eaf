package mirror

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// interrupting interrupts a run at its first complete image.
type interrupting struct {
	cancel context.CancelFunc
	done   int
}

func (p *interrupting) Add(int64)        {}
func (p *interrupting) Done(runner.Item) { p.done++; p.cancel() }

// A run that is interrupted says which images are complete.
func TestMirrorInterrupted(t *testing.T) {
	for _, kind := range []string{"registry", "directory", "archive.tar"} {
		t.Run(kind, func(t *testing.T) {
			m := newMirror(testbed.NewRegistries(t))
			m.Parallel = 1
			if kind != "registry" {
				m.To = layoutAt(filepath.Join(t.TempDir(), kind))
			}
			f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := &interrupting{cancel: cancel}
			_, err = f.Change.Apply(ctx, p)
			var part *runner.IncompleteError
			if !errors.As(err, &part) || !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
			done := part.Done["images"].Items()
			if len(done) == 0 || len(done) != p.done {
				t.Errorf("%d images are done, kept are %v", p.done, done)
			}
		})
	}
}
