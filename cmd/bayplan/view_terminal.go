package main

import (
	"fmt"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/bayplan/bayplan/runner"
)

// A terminalView draws a progress bar for every running step. Above the bars it
// prints a line for every finished step.
type terminalView struct {
	out      io.Writer     // for the text after the bars are gone
	progress *mpb.Progress // draws on the terminal
	lines    io.Writer     // above the bars
	bars     map[string]*mpb.Bar
}

// newTerminalView makes a view that draws on a terminal. It shortens paths below dir.
func newTerminalView(terminal *output, dir string) *terminalView {
	progress := mpb.New(mpb.WithOutput(terminal.drawing()), mpb.WithWidth(40))
	above := &output{name: terminal.name, to: progress, secrets: terminal.secrets}
	return &terminalView{
		out:      newRelativePathWriter(terminal, dir),
		progress: progress,
		lines:    newRelativePathWriter(above, dir),
		bars:     map[string]*mpb.Bar{},
	}
}

// Observe updates the bars and prints lines above them.
func (v *terminalView) Observe(e runner.Event) {
	switch e.Kind {
	case runner.StepBegin:
		v.setBar(e.Step, v.progress.AddSpinner(0, mpb.BarWidth(1), stepLabel(e.Step), mpb.AppendDecorators(decor.Name("looking"))))
	case runner.StepChange:
		v.startBar(e)
	case runner.Ticked:
		v.moveBar(e)
	case runner.Retrying:
		v.line(e, fmt.Sprintf("attempt %d: %s; trying again in %.0fs", e.Attempt, indentContinuation(e.Error), e.Wait))
	case runner.StepEnd:
		v.endStep(e)
	case runner.RunBegin, runner.ItemDone, runner.Debug, runner.RunEnd:
	}
}

// End removes the bars and prints the end of the run.
func (v *terminalView) End(r *runner.Report) error {
	for step := range v.bars {
		v.setBar(step, nil)
	}
	v.progress.Wait()
	return printEnd(v.out, r)
}

// startBar replaces the spinner of a step that has bytes to move by a bar.
func (v *terminalView) startBar(e runner.Event) {
	if e.Total == 0 {
		return
	}
	v.setBar(e.Step, v.progress.AddBar(e.Total, stepLabel(e.Step), mpb.AppendDecorators(
		decor.CountersKibiByte("% .1f / % .1f"),
		decor.Name("  "),
		decor.AverageSpeed(decor.SizeB1024(0), "% .1f"),
	)))
}

func stepLabel(step string) mpb.BarOption {
	return mpb.PrependDecorators(decor.Name(step, decor.WCSyncSpaceR))
}

// setBar replaces the bar of a step. A nil bar removes it.
func (v *terminalView) setBar(step string, bar *mpb.Bar) {
	if old := v.bars[step]; old != nil {
		old.Abort(true)
	}
	v.bars[step] = bar
}

// moveBar shows the progress of a step. It holds the last byte back: a full bar
// would be complete, and only the end of the step removes it.
func (v *terminalView) moveBar(e runner.Event) {
	if bar := v.bars[e.Step]; bar != nil {
		bar.SetCurrent(min(e.Bytes, e.Total-1))
	}
}

func (v *terminalView) endStep(e runner.Event) {
	v.setBar(e.Step, nil)
	v.line(e, stepEndText(e))
	for _, note := range e.Notes {
		v.line(e, "note: "+note)
	}
}

func (v *terminalView) line(e runner.Event, text string) {
	fmt.Fprintf(v.lines, "%s: %s\n", e.Step, text)
}
