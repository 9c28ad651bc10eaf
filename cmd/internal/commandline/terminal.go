package commandline

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/human"
)

// looks say how text for people looks on an output.
type looks struct {
	color   bool
	ascii   bool       // the terminal shows nothing else
	columns func() int // of the terminal; nil: there is none, and no line is broken
}

// A terminal is what standard output is, if it can be drawn on.
type terminal struct {
	size    func() (columns, rows int)
	both    bool // standard error is a terminal, too
	unicode bool
}

// useTerminals finds out how text looks on standard output and standard error.
func (p *Program) useTerminals(stdout, stderr *os.File) {
	env := view.Environment(p.Env)
	p.Stdout.looks, p.Stderr.looks = looksOf(stdout, env), looksOf(stderr, env)
	if p.Stdout.looks.columns != nil && env.Draws() {
		p.terminal = &terminal{
			size: sizeOf(stdout), both: p.Stderr.looks.columns != nil, unicode: env.Unicode(),
		}
	}
}

// Draws reports whether standard output is a terminal that can be drawn on.
func (p *Program) Draws() bool { return p.terminal != nil }

func looksOf(file *os.File, env view.Environment) looks {
	if !term.IsTerminal(int(file.Fd())) {
		return looks{color: env.Colors(false)}
	}
	size := sizeOf(file)
	return looks{color: env.Colors(true), ascii: !env.Unicode(), columns: func() int { columns, _ := size(); return columns }}
}

// sizeOf returns a function that gives the size of a terminal. A terminal that does not
// know it, such as a serial line, has 80 columns and 24 rows.
func sizeOf(file *os.File) func() (columns, rows int) {
	return func() (int, int) {
		columns, rows, err := term.GetSize(int(file.Fd()))
		if err != nil || columns <= 0 || rows <= 0 {
			return 80, 24
		}
		return columns, rows
	}
}

// DrawnView makes a view that draws a run on the terminal. The end of the run is shown as text.
func (p *Program) DrawnView(c *cli.Context, s view.Screen, steps []view.Step) view.View {
	v := view.NewTerminal(p.drawnOn(c), s, steps)
	p.drawn.Store(v)
	return v
}

// DrawnUntil makes a view that draws a run on the terminal, and nothing else. last shows
// its end.
func (p *Program) DrawnUntil(c *cli.Context, steps []view.Step, last view.View) view.View {
	v := view.NewTerminalUntil(p.drawnOn(c), steps, last)
	p.drawn.Store(v)
	return v
}

func (p *Program) drawnOn(c *cli.Context) view.Terminal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGCONT)
	return view.Terminal{
		To: p.Stdout.drawing(), Size: p.terminal.size, Errs: p.terminal.both,
		Unicode: p.terminal.unicode, Color: p.Stdout.looks.color,
		Signals: signals, Stopping: c.Context.Done(),
		Text: func(to io.Writer) io.Writer {
			return view.NewRelativePaths(&Output{name: p.Stdout.name, to: to, secrets: p.Secrets, looks: p.Stdout.looks}, p.Dir)
		},
	}
}

// endDrawing removes what is drawn, because the process ends at once. It does not wait
// long: a terminal may be stopped.
func (p *Program) endDrawing() {
	v, done := p.drawn.Load(), make(chan struct{})
	if v == nil {
		return
	}
	go func() {
		defer close(done)
		v.Abort(p.Name + ": ended at once, before what ran has stopped")
	}()
	select {
	case <-done:
	case <-time.After(200 * time.Millisecond):
	}
}

// Screen returns where text for people goes.
func (p *Program) Screen() view.Screen {
	return view.Screen{Out: view.NewRelativePaths(p.Stdout, p.Dir), Errs: view.NewRelativePaths(p.Stderr, p.Dir)}
}

// View chooses the view of a run by the flags --json and --quiet, and by the terminal. steps
// returns the steps of the run.
func (p *Program) View(c *cli.Context, steps func() []view.Step) view.View {
	s := p.Screen()
	forPeople := view.Screen{Out: s.Errs, Errs: s.Errs}
	switch {
	case c.Bool("json") && c.Bool("quiet"):
		return view.NewJSON(p.PrintLine, view.NewQuiet(forPeople))
	case c.Bool("json"):
		return view.NewJSON(p.PrintLine, view.NewPlain(forPeople))
	case c.Bool("quiet"):
		return view.NewQuiet(s)
	case p.Draws():
		return p.DrawnView(c, s, steps())
	}
	return view.NewPlain(s)
}

// Tell prints a line for people, above what is drawn on the terminal.
func (p *Program) Tell(line string) {
	line = p.Name + ": " + human.Line(line) + "\n"
	if v := p.drawn.Load(); v != nil && p.terminal.both && v.Print(line) {
		return
	}
	fmt.Fprint(p.Stderr, line)
}
