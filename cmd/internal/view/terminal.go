package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A terminalView draws a row for every running step at the lower end of the terminal.
// Above the rows it prints a line for every finished step.
type terminalView struct {
	after   Screen    // for the text after the rows are gone
	lines   Screen    // above the rows
	to      io.Writer // the terminal itself
	columns func() int

	rows  []*row // of the running steps, in the order in which they began
	drawn int    // rows on the terminal
}

// A row is what is drawn of a running step.
type row struct {
	step         string
	began        time.Time // of the transfer
	bytes, total int64     // total is 0 until the step knows what it has to move
	speed        float64   // bytes in a second
}

// maxRows is how many running steps are drawn. A terminal has 24 lines at least.
const maxRows = 20

// A Terminal is what a view draws on.
type Terminal struct {
	To      io.Writer  // the terminal itself: control sequences must reach it
	Columns func() int // its width now

	// Text gives a writer of text for people that ends in the one it gets: it cleans
	// and shortens as the Screen's writers do.
	Text func(io.Writer) io.Writer

	// Errs says that the Screen's Errs are the same terminal, so that failures and
	// notes are printed above the rows, too.
	Errs bool
}

// NewTerminal makes a view that draws a row for every running step on a terminal. What
// has ended is printed above the rows. The end of the run goes to after.
func NewTerminal(t Terminal, after Screen) View {
	v := &terminalView{after: after, to: t.To, columns: t.Columns, lines: Screen{Errs: after.Errs}}
	v.lines.Out = t.Text(above{v})
	if t.Errs {
		v.lines.Errs = v.lines.Out
	}
	return v
}

// above prints lines above the rows of a view.
type above struct{ view *terminalView }

// Write prints whole lines.
func (a above) Write(lines []byte) (int, error) {
	if _, err := a.view.to.Write(append(a.view.erase(), lines...)); err != nil {
		return 0, err
	}
	a.view.drawn = 0
	a.view.draw()
	return len(lines), nil
}

// Observe updates the rows and prints lines above them.
func (v *terminalView) Observe(e runner.Event) {
	switch e.Kind {
	case runner.StepBegin:
		v.rows = append(v.rows, &row{step: e.Step})
		v.draw()
	case runner.StepChange:
		if r := v.row(e.Step); r != nil {
			r.began, r.total = e.Time, e.Total
		}
		v.draw()
	case runner.Ticked:
		v.move(e)
	case runner.Retrying:
		v.lines.retrying(e)
	case runner.StepEnd:
		v.rows = slices.DeleteFunc(v.rows, func(r *row) bool { return r.step == e.Step })
		v.lines.endStep(e)
		v.draw()
	case runner.RunBegin, runner.ItemDone, runner.Debug, runner.RunEnd:
	}
}

// End removes the rows and prints the end of the run.
func (v *terminalView) End(r *runner.Report) error {
	v.rows = nil
	v.draw()
	return v.after.printEnd(r)
}

func (v *terminalView) row(step string) *row {
	i := slices.IndexFunc(v.rows, func(r *row) bool { return r.step == step })
	if i < 0 {
		return nil
	}
	return v.rows[i]
}

// move shows the progress of a step.
func (v *terminalView) move(e runner.Event) {
	r := v.row(e.Step)
	if r == nil {
		return
	}
	r.bytes, r.total = e.Bytes, e.Total
	if took := e.Time.Sub(r.began).Seconds(); took > 0 && !r.began.IsZero() {
		r.speed = float64(e.Bytes) / took
	}
	v.draw()
}

// erase gives the control sequence that removes the rows. It begins at the left edge:
// a key such as Ctrl-C is echoed where the cursor stands.
func (v *terminalView) erase() []byte {
	if v.drawn == 0 {
		return []byte("\r\x1b[J")
	}
	return fmt.Appendf(nil, "\r\x1b[%dA\x1b[J", v.drawn)
}

// draw replaces the rows on the terminal.
func (v *terminalView) draw() {
	if v.drawn == 0 && len(v.rows) == 0 {
		return
	}
	frame, width := v.erase(), 0
	shown := v.rows[:min(len(v.rows), maxRows)]
	for _, r := range shown {
		width = max(width, len(r.step))
	}
	columns := v.columns() - 1 // a full last column wraps the line on some terminals
	for _, r := range shown {
		frame = append(append(frame, r.text(min(width, columns/2, max(4, columns-numbersWidth)), columns)...), '\n')
	}
	v.drawn = len(shown)
	_, _ = v.to.Write(frame) // the summary reports a terminal that is gone
}

// numbersWidth is the room that the numbers of a row need beside the step's name.
const numbersWidth = 26

// maxBar is the largest width of a bar.
const maxBar = 40

// text gives a row of at most so many columns. What does not fit is left out whole:
// first the speed, then the bar.
func (r *row) text(label, columns int) string {
	name := r.step
	if len(name) > label {
		name = name[:max(0, label-1)] + "…"
	}
	line := name + strings.Repeat(" ", max(0, label-len([]rune(name)))) + "  "
	if r.total == 0 {
		if r.bytes > 0 {
			return line + human.Size(r.bytes) + " moved"
		}
		return line + "running"
	}
	moved := human.Size(r.bytes) + " / " + human.Size(r.total)
	speed := "  " + human.Size(int64(r.speed)) + "/s"
	left := columns - label - len("  [] ")
	if bar := min(maxBar, left-len(moved)-len(speed)); bar >= 8 {
		return line + r.bar(bar) + " " + moved + speed
	}
	if bar := min(maxBar, left-len(moved)); bar >= 8 {
		return line + r.bar(bar) + " " + moved
	}
	return line + moved
}

func (r *row) bar(width int) string {
	full := int(float64(width) * min(1, float64(r.bytes)/float64(r.total)))
	return "[" + strings.Repeat("=", full) + strings.Repeat("-", width-full) + "]"
}
