package main

import (
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/runner"
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
func (p *program) useTerminals(stdout, stderr *os.File) {
	env := view.Environment(p.env)
	p.stdout.looks, p.stderr.looks = looksOf(stdout, env), looksOf(stderr, env)
	if p.stdout.looks.columns != nil && env.Draws() {
		p.terminal = &terminal{
			size: sizeOf(stdout), both: p.stderr.looks.columns != nil, unicode: env.Unicode(),
		}
	}
}

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

// drawnView makes the view that draws a run on the terminal.
func (p *program) drawnView(c *cli.Context, mode runner.Mode, r *runner.Runner, s view.Screen) view.View {
	if mode == runner.ModeDiff {
		return p.drawnUntil(c, r, view.NewDiff(s, p.stdout, p.diffsOf(r.Graph.Plan)))
	}
	v := view.NewTerminal(p.drawnOn(c), s, waits(r))
	p.drawn.Store(v)
	return v
}

// drawnUntil makes a view that draws a run on the terminal, and nothing else. last shows
// its end.
func (p *program) drawnUntil(c *cli.Context, r *runner.Runner, last view.View) view.View {
	v := view.NewTerminalUntil(p.drawnOn(c), waits(r), last)
	p.drawn.Store(v)
	return v
}

func (p *program) drawnOn(c *cli.Context) view.Terminal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGCONT)
	return view.Terminal{
		To: p.stdout.drawing(), Size: p.terminal.size, Errs: p.terminal.both,
		Unicode: p.terminal.unicode, Color: p.stdout.looks.color,
		Signals: signals, Stopping: c.Context.Done(),
		Text: func(to io.Writer) io.Writer {
			return view.NewRelativePaths(&output{name: p.stdout.name, to: to, secrets: p.redactor, looks: p.stdout.looks}, p.dir)
		},
	}
}

// waits returns the steps of a run with the steps that each waits for.
func waits(r *runner.Runner) []view.Step {
	chosen, err := r.Selected()
	if err != nil {
		return nil // the run reports it
	}
	var steps []view.Step
	for _, n := range r.Graph.Nodes {
		if chosen[n.ID()] {
			steps = append(steps, view.Step{ID: n.ID(), Needs: needs(r.Graph, n, chosen)})
		}
	}
	return steps
}

// needs returns the steps nearest before a step that are chosen. A step that another one
// of them waits for is left out.
func needs(g *runner.Graph, n *runner.Node, chosen map[string]bool) []string {
	var ids []string
	seen := map[string]bool{}
	var add func(*runner.Node)
	add = func(n *runner.Node) {
		for _, e := range n.Needs {
			switch {
			case seen[e.From]:
				continue
			case chosen[e.From]:
				ids = append(ids, e.From)
			default:
				add(g.Node(e.From))
			}
			seen[e.From] = true
		}
	}
	add(n)
	if len(ids) > 100 { // nobody reads which of them are left out, and all pairs are many
		return ids
	}
	return slices.DeleteFunc(ids, func(id string) bool {
		return slices.ContainsFunc(ids, func(other string) bool { return g.Node(other).After(id) })
	})
}

// endDrawing removes what is drawn, because the process ends at once. It does not wait
// long: a terminal may be stopped.
func (p *program) endDrawing() {
	v, done := p.drawn.Load(), make(chan struct{})
	if v == nil {
		return
	}
	go func() {
		defer close(done)
		v.Abort("bayplan: ended at once, before what ran has stopped")
	}()
	select {
	case <-done:
	case <-time.After(200 * time.Millisecond):
	}
}
