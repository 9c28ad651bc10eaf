package view

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// heartbeat is the longest silence of a plain view while steps run. CI systems stop a
// job that prints nothing.
const heartbeat = 30 * time.Second

// maxNamed is how many steps a line names.
const maxNamed = 3

// NewPlain makes a view that prints a line for every item and every step, for logs.
func NewPlain(s Screen) View { return &plainView{reporter: reporter{Screen: s}} }

type plainView struct {
	mu sync.Mutex // events come from the run, heartbeats from a goroutine of the view
	reporter
	progress progress
	last     time.Time // of the last line
	pulse    ticker
}

// Observe prints a line for an event. Some events have none.
func (v *plainView) Observe(e runner.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.progress.observe(e)
	switch e.Kind {
	case runner.RunBegin:
		v.last = time.Now()
		v.pulse.start(time.Second, nil, v.beat)
	case runner.StepChange:
		if e.Message != "" {
			v.line(e.Step, e.Message)
		}
	case runner.ItemDone:
		v.line(e.Step, itemDoneText(*e.Item))
	case runner.Retrying:
		v.retrying(e)
	case runner.StepEnd:
		v.endStep(e, didText(s))
		if e.Status == runner.Unchanged && len(e.Notes) == 0 {
			return
		}
	default:
		return
	}
	v.last = time.Now()
}

// beat prints what runs if nothing was printed for long.
func (v *plainView) beat(os.Signal) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if now.Sub(v.last) < heartbeat || len(v.progress.running()) == 0 {
		return
	}
	v.last = now
	var steps []string
	for _, s := range v.progress.running() {
		steps = append(steps, v.progress.inBrief(s, now))
	}
	_ = Paint(v.Out, Span{Text: "running: " + human.Some(steps, maxNamed) + "\n"})
}

// End prints the failures and the summary.
func (v *plainView) End(r *runner.Report) error {
	v.pulse.stop()
	return v.end(r)
}

func (v *plainView) leave() { v.pulse.stop() }

// itemDoneText returns the line that reports a finished item.
func itemDoneText(it runner.Item) string {
	line := fmt.Sprintf("%s %s %s", Done(it.Op), it.What, it.Name)
	if it.Bytes > 0 {
		line += " (" + human.Size(it.Bytes) + ")"
	}
	return line
}
