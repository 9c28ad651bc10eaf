package main

import (
	"fmt"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/bayplan/bayplan/runner"
)

// A terminalView draws one bar for every step at work, and prints a line for
// every step that is finished above them.
type terminalView struct {
	out      io.Writer     // for what is written when the bars are gone
	progress *mpb.Progress // draws on the terminal
	lines    io.Writer     // above the bars
	bars     map[string]*mpb.Bar
}

// newTerminalView draws on a terminal. Paths below dir are shortened.
func newTerminalView(terminal io.Writer, dir string) *terminalView {
	progress := mpb.New(mpb.WithOutput(terminal), mpb.WithWidth(40))
	return &terminalView{
		out:      near(terminal, dir),
		progress: progress,
		lines:    near(progress, dir),
		bars:     map[string]*mpb.Bar{},
	}
}

// Observe moves the bars.
func (v *terminalView) Observe(e runner.Event) {
	switch e.Kind {
	case runner.StepBegin:
		v.show(e.Step, v.progress.AddSpinner(0, mpb.BarWidth(1), label(e.Step), mpb.AppendDecorators(decor.Name("looking"))))
	case runner.StepChange:
		v.begin(e)
	case runner.Ticked:
		v.set(e)
	case runner.Retrying:
		v.line(e, fmt.Sprintf("attempt %d: %s; trying again in %.0fs", e.Attempt, continued(e.Error), e.Wait))
	case runner.StepEnd:
		v.end(e)
	case runner.RunBegin, runner.ItemDone, runner.Debug, runner.RunEnd:
	}
}

// End takes the bars away and prints how the run ended.
func (v *terminalView) End(r *runner.Report) error {
	for step := range v.bars {
		v.show(step, nil)
	}
	v.progress.Wait()
	return ending(v.out, r)
}

// begin replaces a step's spinner by a bar, if it has bytes to move.
func (v *terminalView) begin(e runner.Event) {
	if e.Total == 0 {
		return
	}
	v.show(e.Step, v.progress.AddBar(e.Total, label(e.Step), mpb.AppendDecorators(
		decor.CountersKibiByte("% .1f / % .1f"),
		decor.Name("  "),
		decor.AverageSpeed(decor.SizeB1024(0), "% .1f"),
	)))
}

func label(step string) mpb.BarOption {
	return mpb.PrependDecorators(decor.Name(step, decor.WCSyncSpaceR))
}

// show gives a step a bar in place of the one it had; nil takes it away.
func (v *terminalView) show(step string, bar *mpb.Bar) {
	if old := v.bars[step]; old != nil {
		old.Abort(true)
	}
	v.bars[step] = bar
}

// set moves a bar; the last byte waits for the step's end, which takes it away.
func (v *terminalView) set(e runner.Event) {
	if bar := v.bars[e.Step]; bar != nil {
		bar.SetCurrent(min(e.Bytes, e.Total-1))
	}
}

func (v *terminalView) end(e runner.Event) {
	v.show(e.Step, nil)
	v.line(e, ended(e))
	for _, note := range e.Notes {
		v.line(e, "note: "+note)
	}
}

func (v *terminalView) line(e runner.Event, text string) {
	fmt.Fprintf(v.lines, "%s: %s\n", e.Step, text)
}
