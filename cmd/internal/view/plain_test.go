package view

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner"
)

// A stamped writer puts the time since its first line before each line.
type stamped struct {
	mu    sync.Mutex
	began time.Time
	out   bytes.Buffer
}

func (s *stamped) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		s.began = time.Now()
	}
	fmt.Fprintf(&s.out, "%s %s", time.Since(s.began), text)
	return len(text), nil
}

// At most one line in 30 seconds says what runs, and only while nothing else is printed.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stamped{began: time.Now()}
		v := NewPlain(Screen{out, io.Discard})
		observe := func(events ...runner.Event) {
			for _, e := range events {
				e.Time = time.Now()
				v.Observe(e)
			}
		}
		observe(runner.Event{Kind: runner.RunBegin, Mode: runner.ModeApply}, begin("containers"), begin("upload"), begin("c"), begin("d"), begin("e"))
		time.Sleep(20*time.Second + time.Millisecond)
		observe(changing("containers", 3, 601*mib), runner.Event{Kind: runner.StepChange, Step: "upload", Items: 1, Message: "1 image"})
		for i := range 65 {
			time.Sleep(time.Second)
			observe(moved("containers", int64(i)*2*mib, 601*mib), moved("upload", int64(i)*mib, 0))
		}
		for _, id := range []string{"c", "d", "e", "upload"} {
			observe(ended(id, runner.Unchanged, 1))
		}
		time.Sleep(31 * time.Second)
		observe(ended("containers", runner.Changed, 116))
		time.Sleep(time.Hour) // nothing runs
		if err := v.End(&runner.Report{Mode: runner.ModeApply}); err != nil {
			t.Error(err)
		}
		want := []string{
			"20.001s upload: 1 image",
			"51s running: containers (58.0 MiB of 601.0 MiB moved, 1.8 MiB/s, 4m58s left), upload (29.0 MiB moved, 931.0 KiB/s, for 51s), c (checking what is there, for 51s) and 2 more",
			"1m21s running: containers (118.0 MiB of 601.0 MiB moved, 1.8 MiB/s, 4m25s left), upload (59.0 MiB moved, 931.0 KiB/s, for 1m21s), c (checking what is there, for 1m21s) and 2 more",
			"1m51s running: containers (128.0 MiB of 601.0 MiB moved, 0 B/s, for 1m51s)",
			"1m56.001s containers: changed in 116.0s",
			"1h1m56.001s 0 changed, 0 unchanged, 0 failed in 0.0s",
		}
		if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.out.String()), "\n")); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}

// Failures are printed at once, and again at the end if much came after them.
func TestFailuresInALog(t *testing.T) {
	failed := ended("a", runner.Failed, 1)
	failed.Error, failed.Hint = "boom", "look"
	report := &runner.Report{Mode: runner.ModeApply, Steps: []*runner.StepReport{{ID: "a", Status: runner.Failed, Err: io.ErrUnexpectedEOF}}}
	const atOnce = "a: failed in 1.0s\na: boom\nhint: look\n"
	for _, tt := range []struct {
		name  string
		after int
		want  string
	}{
		{"nothing follows", 0, atOnce},
		{"little follows", repeatAfter, atOnce},
		{"much follows", repeatAfter + 1, atOnce + "a: unexpected EOF\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var errs bytes.Buffer
			v := NewPlain(Screen{io.Discard, &errs})
			v.Observe(runner.Event{Kind: runner.RunBegin})
			v.Observe(failed)
			for i := range tt.after {
				v.Observe(ended(fmt.Sprint("s", i), runner.Changed, 1))
			}
			if err := v.End(report); err != nil {
				t.Error(err)
			}
			if got := errs.String(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
