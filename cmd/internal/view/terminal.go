package view

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// redrawAfter is how often the rows are drawn again, if they show something else then.
// What runs for a shorter time never has a row.
const redrawAfter = 100 * time.Millisecond

// A Terminal is what a view draws on.
type Terminal struct {
	To      io.Writer                  // the terminal itself: control sequences must reach it
	Size    func() (columns, rows int) // its size now
	Unicode bool                       // it shows more than ASCII
	Color   bool                       // it shows colours

	Signals  <-chan os.Signal // SIGWINCH: Size has changed; SIGCONT: the process was stopped, and others have written
	Stopping <-chan struct{}  // closed when the run is asked to stop

	// Text gives a writer of text for people that ends in the one it gets: it cleans
	// and shortens as the Screen's writers do.
	Text func(io.Writer) io.Writer

	// Errs says that the Screen's Errs are the same terminal, so that failures and
	// notes are printed above the rows, too.
	Errs bool
}

// NewTerminal makes a view that draws a row for every running step on a terminal, and
// says which of the steps wait. What has ended is printed above the rows. The end of the
// run goes to after.
func NewTerminal(t Terminal, after Screen, steps []Step) *TerminalView {
	v := &TerminalView{terminal: t, progress: progress{steps: steps}}
	v.lines = reporter{Screen: Screen{Out: t.Text(above{v}), Errs: after.Errs}}
	if t.Errs {
		v.lines.Errs = v.lines.Out
	}
	v.end = func(r *runner.Report) error {
		last := v.lines
		last.Screen = after
		if len(v.notBegun) > 0 {
			_ = Paint(after.Errs, Span{"not begun:", Yellow}, Span{Text: " " + human.Some(v.notBegun, maxNamed) + "\n"})
		}
		return last.end(r)
	}
	return v
}

// NewTerminalUntil makes a view that draws rows as NewTerminal does, and nothing else.
// The end of the run is shown by last.
func NewTerminalUntil(t Terminal, steps []Step, last View) *TerminalView {
	return &TerminalView{terminal: t, progress: progress{steps: steps}, end: last.End, silent: true}
}

// A TerminalView draws on a terminal while a run is in progress.
//
// The cursor always stands at the beginning of the line below the rows, so that what
// comes from elsewhere, and whatever ends the process, leaves whole lines.
type TerminalView struct {
	mu       sync.Mutex // events come from the run, frames from a goroutine of the view
	terminal Terminal
	progress progress
	lines    reporter // above the rows
	silent   bool     // there are no lines
	begun    bool     // rows may be drawn
	notBegun []string // steps that were skipped because the run ends
	end      func(*runner.Report) error
	frames   ticker
	drawn    []string // the rows on the terminal
	columns  int      // of the terminal when they were drawn
	closed   bool     // nothing is drawn any more
}

// Observe prints lines above the rows. The rows follow with the next frame.
func (v *TerminalView) Observe(e runner.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.progress.observe(e)
	switch {
	case e.Kind == runner.RunBegin:
		v.begun = true
		v.frames.start(redrawAfter, v.terminal.Signals, v.frame)
	case v.silent:
	case e.Kind == runner.Retrying:
		v.lines.retrying(e)
	case e.Kind == runner.StepEnd && e.Status == runner.Skipped && e.Blame == "":
		v.notBegun = append(v.notBegun, e.Step)
	case e.Kind == runner.StepEnd:
		v.lines.endStep(e, didText(s))
	}
}

// Print prints whole lines above the rows, and returns false where nothing is drawn: before the
// first event and after the end. Any goroutine may call it.
func (v *TerminalView) Print(lines string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || !v.begun {
		return false
	}
	return Paint(v.terminal.Text(above{v}), Span{Text: lines}) == nil
}

// End removes the rows and prints the end of the run.
func (v *TerminalView) End(r *runner.Report) error {
	v.frames.stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.close("")
	return v.end(r)
}

func (v *TerminalView) leave() {
	v.frames.stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.close("")
}

// Abort removes the rows and prints a last line, because the process ends at once. After
// End it prints no line. It may be called at any time and by any goroutine.
func (v *TerminalView) Abort(line string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		_, _ = io.WriteString(v.terminal.To, eraseBelow) // the ^C of the key
	}
	v.close(line + "\n")
}

// eraseBelow removes the line of the cursor and what is below it. To erase all at once at
// the upper left corner would make tmux keep what is erased.
const eraseBelow = "\r\x1b[2K\x1b[C\x1b[J\r"

func (v *TerminalView) close(line string) {
	if !v.closed && (line != "" || len(v.drawn) > 0 || v.stopping()) {
		_ = v.replace(nil, line) // the summary reports a terminal that is gone
	}
	v.closed = true
}

// stopping says whether the run is asked to stop. Then the terminal may show ^C where
// the cursor stands.
func (v *TerminalView) stopping() bool {
	select {
	case <-v.terminal.Stopping:
		return true
	default:
		return false
	}
}

// frame draws the rows if they have changed. Without a signal it is called by the clock.
func (v *TerminalView) frame(s os.Signal) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s == syscall.SIGCONT {
		v.drawn = nil // the shell has written below them
	}
	columns, rows := v.terminal.Size()
	if next := v.rows(columns, rows, time.Now()); !v.closed && !slices.Equal(next, v.drawn) {
		_ = v.replace(next, "")
	}
}

// above prints lines above the rows of a view.
type above struct{ view *TerminalView }

// Write prints whole lines. The rows of steps that have ended are gone with it.
func (a above) Write(lines []byte) (int, error) {
	v := a.view
	columns, rows := v.terminal.Size()
	if err := v.replace(v.rows(columns, rows, time.Now()), string(lines)); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// replace puts lines and rows in the place of the rows on the terminal, in one write: a
// process that ends in between leaves no half of it.
func (v *TerminalView) replace(rows []string, lines string) error {
	if v.closed {
		return nil
	}
	var out strings.Builder
	// A key such as Ctrl-C is echoed where the cursor stands, so it moves to the left
	// edge first.
	out.WriteByte('\r')
	columns, _ := v.terminal.Size()
	if up := v.height(columns); up > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", up)
	}
	if lines != "" || columns != v.columns {
		// A line may take several rows. And a terminal remembers of a row that it has
		// broken that the next one belongs to it, also if both are written again: it
		// forgets that only if they are erased.
		out.WriteString(eraseBelow)
	}
	out.WriteString(lines)
	for _, row := range rows {
		out.WriteString("\x1b[K" + row + "\n") // K after a full row would erase its end
	}
	out.WriteString(eraseBelow)
	v.drawn, v.columns = rows, columns
	_, err := io.WriteString(v.terminal.To, out.String())
	return err
}

// height returns how many lines of the terminal the rows take now. A terminal that has
// become narrower has broken the rows that are too long for it.
func (v *TerminalView) height(columns int) int {
	n := 0
	for _, row := range v.drawn {
		n += max(1, (painted(row)+columns-1)/max(1, columns))
	}
	return n
}
