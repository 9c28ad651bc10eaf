package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestPanicIsAnErrorOfItsStep(t *testing.T) {
	l := newLab()
	l.on["a"] = func(context.Context, *fake, Progress) error { panic("index out of range") }
	r := &Runner{Graph: l.graph(t, "a: fake {says: x}\nb: fake {says: x}")}
	var stack string
	r.Observe = func(e Event) {
		if e.Kind == Debug && e.Step == "a" {
			stack = e.Message
		}
	}
	report := run(t, r.Apply)
	wantStatuses(t, report, "a failed, b changed")
	if err := report.Err(); err.Error() != "a: panic: index out of range" || fault.Hint(report.Step("a").Err) == "" {
		t.Errorf("error %q", err)
	}
	if !strings.Contains(stack, "TestPanicIsAnErrorOfItsStep") {
		t.Errorf("no stack in the debug event: %q", stack)
	}
}

func TestRetryIsForConnectionErrorsOnly(t *testing.T) {
	tests := []struct {
		name     string
		err      error
		retry    int
		attempts int
		took     time.Duration
	}{
		{"connection", fault.AsConnection(errors.New("reset by peer")), 7, 8, (1 + 2 + 4 + 8 + 16 + 30 + 30) * time.Second},
		{"connection, wrapped", fmt.Errorf("pull: %w", fault.AsConnection(errors.New("reset"))), 1, 2, time.Second},
		{"connection, no retry asked for", fault.AsConnection(errors.New("reset by peer")), 0, 1, 0},
		{"refused by what it is", errors.New("403 forbidden"), 7, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab()
			attempts := 0
			l.on["a"] = func(context.Context, *fake, Progress) error { attempts++; return tt.err }
			g := l.graph(t, "a: fake {says: x}")
			g.Nodes[0].Step.Retry = tt.retry
			synctest.Test(t, func(t *testing.T) {
				r := &Runner{Graph: g}
				retries := 0
				r.Observe = func(e Event) {
					if e.Kind == Retrying {
						retries++
						if e.Attempt != retries || e.Error == "" {
							t.Errorf("retry event %+v", e)
						}
					}
				}
				report := run(t, r.Apply)
				wantStatuses(t, report, "a failed")
				if attempts != tt.attempts || retries != tt.attempts-1 {
					t.Errorf("%d attempts, %d events, want %d attempts", attempts, retries, tt.attempts)
				}
				if report.Took != tt.took {
					t.Errorf("took %v, want %v", report.Took, tt.took)
				}
			})
		})
	}
}

func TestRetryEndsWithSuccess(t *testing.T) {
	l := newLab()
	attempts := 0
	l.on["a"] = func(context.Context, *fake, Progress) error {
		if attempts++; attempts < 3 {
			return fault.AsConnection(errors.New("refused"))
		}
		return nil
	}
	g := l.graph(t, "a: fake {says: x}")
	g.Nodes[0].Step.Retry = 5
	synctest.Test(t, func(t *testing.T) {
		report := run(t, (&Runner{Graph: g}).Apply)
		wantStatuses(t, report, "a changed")
		if report.Took != 3*time.Second {
			t.Errorf("took %v", report.Took)
		}
	})
}

func TestTimeoutIsPerAttempt(t *testing.T) {
	l := newLab()
	l.on["a"] = func(ctx context.Context, _ *fake, _ Progress) error {
		<-ctx.Done()
		return fault.AsConnection(ctx.Err())
	}
	g := l.graph(t, "a: fake {says: x}\nb: fake {says: x}")
	g.Nodes[0].Step.Timeout, g.Nodes[0].Step.Retry = 10*time.Second, 2
	l.on["b"] = func(context.Context, *fake, Progress) error {
		time.Sleep(time.Hour)
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		report := run(t, (&Runner{Graph: g}).Apply)
		wantStatuses(t, report, "a failed, b changed")
		if took := report.Step("a").Took; took != (10+1+10+2+10)*time.Second {
			t.Errorf("a took %v", took)
		}
		err := report.Err()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stopped after its timeout of 10s") {
			t.Errorf("error %q", err)
		}
	})
}

func TestInterruptedApply(t *testing.T) {
	l := newLab()
	g := l.graph(t, `
		slow: fake {says: x}
		stubborn: fake {says: x}
		after: fake slow {says: x}
		third: fake {says: x}`)
	r := stored(t, g)
	r.Parallel = 2
	cause := errors.New("interrupt signal")
	l.on["slow"] = func(ctx context.Context, _ *fake, _ Progress) error {
		<-ctx.Done()
		return fmt.Errorf("copy the blob: %w", ctx.Err())
	}
	l.on["stubborn"] = func(context.Context, *fake, Progress) error {
		time.Sleep(5 * time.Second)
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		report, err := r.Apply(ctx)
		if !errors.Is(err, cause) {
			t.Errorf("error %v, want %v", err, cause)
		}
		wantStatuses(t, report, "slow interrupted, stubborn changed, after skipped, third skipped")
		if got, want := report.Summary(), "1 changed, 0 unchanged, 0 failed, 2 skipped, 1 interrupted in 5.0s"; got != want {
			t.Errorf("summary %q, want %q", got, want)
		}
		if report.Err() != nil {
			t.Errorf("an interruption is reported as a failure: %v", report.Err())
		}
		for _, id := range []string{"after", "third"} {
			if s := report.Step(id); s.Blame != "" || s.Why != "the run was interrupted before it began" {
				t.Errorf("%s: blame %q, why %q", id, s.Blame, s.Why)
			}
		}
	})
	if r.Store.Record("stubborn") == nil {
		t.Error("the record of what finished during the interrupt is lost")
	}
	if last, _ := r.Store.Last("slow"); last.Kind != "started" {
		t.Errorf("last of slow = %+v", last)
	}
	delete(l.on, "slow")
	wantStatuses(t, run(t, r.Apply), "slow changed, stubborn unchanged, after changed, third changed")
}
