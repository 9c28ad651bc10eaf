package view

import (
	"fmt"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// heartbeat is the longest silence of a plain view while bytes are moving. CI
// systems stop a job that prints nothing.
const heartbeat = 10 * time.Second

// NewPlain makes a view that prints a line for every item and every step, for logs.
func NewPlain(s Screen) View { return &plainView{Screen: s} }

type plainView struct {
	Screen
	last time.Time // time of the last line
}

// Observe prints a line for an event. Some events have none.
func (v *plainView) Observe(e runner.Event) {
	switch e.Kind {
	case runner.StepChange:
		if e.Message != "" {
			v.line(e, e.Message)
		}
	case runner.ItemDone:
		v.line(e, itemDoneText(*e.Item))
	case runner.Ticked:
		if e.Time.Sub(v.last) >= heartbeat {
			v.line(e, progressText(e))
		}
	case runner.Retrying:
		v.last = e.Time
		v.retrying(e)
	case runner.StepEnd:
		v.last = e.Time
		v.endStep(e)
	case runner.RunBegin:
		v.last = e.Time
	case runner.Debug, runner.StepBegin, runner.RunEnd:
	}
}

// End prints the failures and the summary.
func (v *plainView) End(r *runner.Report) error { return v.printEnd(r) }

func (v *plainView) line(e runner.Event, text string) {
	v.last = e.Time
	fmt.Fprintf(v.Out, "%s: %s\n", e.Step, text)
}

// progressText returns how many bytes a step has moved.
func progressText(e runner.Event) string {
	if e.Total == 0 {
		return human.Size(e.Bytes) + " moved"
	}
	return fmt.Sprintf("%s of %s moved", human.Size(e.Bytes), human.Size(e.Total))
}
