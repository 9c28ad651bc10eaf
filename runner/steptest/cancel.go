package steptest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner"
)

// A counter is a Progress that cancels at one of its calls. Without cancel it only counts.
type counter struct {
	calls    atomic.Int64
	cancelAt int64
	cancel   context.CancelFunc
}

func (c *counter) Add(int64)        { c.call() }
func (c *counter) Done(runner.Item) { c.call() }

func (c *counter) call() {
	if n := c.calls.Add(1); c.cancel != nil && n == c.cancelAt {
		c.cancel()
	}
}

// maxCancels is how often the law cancels. It tries the first calls one by one, and the
// later ones in growing strides.
const maxCancels = 32

func convergesAfterCancel(t *testing.T, c Case) error {
	if !c.applies() {
		return nil
	}
	straight, err := doneFixture(t, c)
	if err != nil {
		return err
	}
	want := straight.fileNames(t)
	at := int64(0)
	for try := range maxCancels {
		f := c.Fresh(t)
		reached, err := cancelOnce(t.Context(), f, at, try%2 == 0)
		if err != nil {
			return fmt.Errorf("cancelled at call %d of its progress: %w", at, err)
		}
		if diff := cmp.Diff(want, f.fileNames(t)); diff != "" {
			return fmt.Errorf("cancelled at call %d of its progress and applied again, it left other files than without (-without +with):\n%s", at, diff)
		}
		if !reached {
			return nil
		}
		at += 1 + at/8
	}
	return nil
}

// cancelOnce applies until call number at of the progress, and applies again: the same
// change, or one found anew. It reports whether that call was reached.
func cancelOnce(parent context.Context, f *Fixture, at int64, sameChange bool) (reached bool, err error) {
	finding, err := look(parent, f.New())
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	p := &counter{cancelAt: at, cancel: cancel}
	if at == 0 {
		cancel()
	}
	_, applyErr := finding.Change.Apply(ctx, p)
	switch {
	case applyErr == nil:
	case ctx.Err() == nil:
		return true, fmt.Errorf("in Apply, not cancelled: %w", applyErr)
	case sameChange:
		if _, err := finding.Change.Apply(parent, &counter{}); err != nil {
			return true, fmt.Errorf("in Apply of the same change, called again: %w", err)
		}
	default:
		if _, _, err := apply(parent, f.New()); err != nil {
			return true, fmt.Errorf("applied again: %w", err)
		}
	}
	return ctx.Err() != nil, f.converged(parent)
}
