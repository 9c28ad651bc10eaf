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
	out      io.Writer
	progress *mpb.Progress
	bars     map[string]*mpb.Bar
}

func newTerminalView(out io.Writer) *terminalView {
	return &terminalView{
		out:      out,
		progress: mpb.New(mpb.WithOutput(out), mpb.WithWidth(40)),
		bars:     map[string]*mpb.Bar{},
	}
}

// Observe moves the bars.
func (v *terminalView) Observe(e runner.Event) {
	switch e.Kind {
	case runner.StepChange:
		v.begin(e)
	case runner.Ticked:
		v.set(e)
	case runner.Retrying:
		v.line(e, fmt.Sprintf("attempt %d: %s; trying again in %.0fs", e.Attempt, continued(e.Error), e.Wait))
	case runner.StepEnd:
		v.end(e)
	case runner.RunBegin, runner.StepBegin, runner.ItemDone, runner.Debug, runner.RunEnd:
	}
}

// End takes the bars away and prints how the run ended.
func (v *terminalView) End(r *runner.Report) error {
	for _, bar := range v.bars {
		bar.Abort(true)
	}
	v.progress.Wait()
	return ending(v.out, r)
}

func (v *terminalView) begin(e runner.Event) {
	if v.bars[e.Step] != nil || e.Total == 0 {
		return
	}
	v.bars[e.Step] = v.progress.AddBar(e.Total,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(e.Step, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(
			decor.CountersKibiByte("% .1f / % .1f"),
			decor.Name("  "),
			decor.AverageSpeed(decor.SizeB1024(0), "% .1f"),
		),
	)
}

// set moves a bar; the last byte waits for the step's end, which takes it away.
func (v *terminalView) set(e runner.Event) {
	if bar := v.bars[e.Step]; bar != nil {
		bar.SetCurrent(min(e.Bytes, e.Total-1))
	}
}

func (v *terminalView) end(e runner.Event) {
	if bar := v.bars[e.Step]; bar != nil {
		bar.Abort(true)
		delete(v.bars, e.Step)
	}
	v.line(e, ended(e))
}

func (v *terminalView) line(e runner.Event, text string) {
	fmt.Fprintf(v.progress, "%s: %s\n", e.Step, text)
}
