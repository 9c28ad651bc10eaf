package view

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A fakeTerminal is what a terminal shows of what is written to it.
type fakeTerminal struct {
	columns  int
	lines    [][]rune
	row, col int
	wrapped  bool
}

// Write obeys the control sequences that the view uses.
func (f *fakeTerminal) Write(b []byte) (int, error) {
	text := []rune(string(b))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\r':
			f.col = 0
		case '\n': // the terminal's driver adds the \r
			f.row, f.col = f.row+1, 0
		case '\x1b':
			n, end := 0, i+2
			for text[end] >= '0' && text[end] <= '9' {
				n, end = n*10+int(text[end]-'0'), end+1
			}
			switch text[end] {
			case 'A':
				f.row -= n
			case 'J':
				f.lines = f.lines[:min(f.row, len(f.lines))]
			}
			i = end
		default:
			f.put(c)
		}
	}
	return len(b), nil
}

func (f *fakeTerminal) put(c rune) {
	for len(f.lines) <= f.row {
		f.lines = append(f.lines, nil)
	}
	for len(f.lines[f.row]) <= f.col {
		f.lines[f.row] = append(f.lines[f.row], ' ')
	}
	f.lines[f.row][f.col] = c
	f.col++
	f.wrapped = f.wrapped || f.col >= f.columns
}

func (f *fakeTerminal) shown() string {
	var lines []string
	for _, l := range f.lines {
		lines = append(lines, strings.TrimRight(string(l), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func newTestView(columns int) (*terminalView, *fakeTerminal) {
	term := &fakeTerminal{columns: columns}
	clean := func(to io.Writer) io.Writer { return cleaner{to} }
	t := Terminal{To: term, Columns: func() int { return columns }, Text: clean, Errs: true}
	return NewTerminal(t, Screen{clean(term), clean(term)}).(*terminalView), term
}

// A cleaner stands for the outputs of the command.
type cleaner struct{ to io.Writer }

func (c cleaner) Write(text []byte) (int, error) {
	return io.WriteString(c.to, human.Clean(string(text)))
}

func TestTerminalView(t *testing.T) {
	at := time.Now()
	steps := []string{"a", "containers", "a_step_with_a_name_that_is_long_enough_for_half_of_a_narrow_terminal"}
	for _, columns := range []int{30, 80, 120} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			v, term := newTestView(columns)
			for _, s := range steps {
				v.Observe(runner.Event{Kind: runner.StepBegin, Step: s, Time: at})
			}
			for _, s := range steps[1:] {
				v.Observe(runner.Event{Kind: runner.StepChange, Step: s, Time: at, Total: 219 << 20})
				v.Observe(runner.Event{Kind: runner.Ticked, Step: s, Time: at.Add(time.Second), Bytes: 108 << 20, Total: 219 << 20})
			}
			got := term.shown()
			if term.wrapped {
				t.Errorf("a row is too long:\n%s", got)
			}
			for _, line := range strings.Split(got, "\n")[1:] {
				if !strings.Contains(line, "108.0 MiB / 219.0 MiB") {
					t.Errorf("the numbers are cut:\n%s", got)
				}
				if columns >= 80 && !strings.Contains(line, "[===") {
					t.Errorf("there is no bar:\n%s", got)
				}
			}
			// What has ended has a line and no row, at once.
			v.Observe(runner.Event{Kind: runner.StepEnd, Step: steps[1], Status: runner.Changed, Took: 1})
			if got := term.shown(); !strings.HasPrefix(got, "containers: changed in 1.0s\na ") || strings.Count(got, "containers") != 1 {
				t.Errorf("after the end:\n%s", got)
			}
			v.Observe(runner.Event{Kind: runner.StepEnd, Step: "a", Status: runner.Unchanged, Notes: []string{"to\x1b[2Jld\u202e"}})
			if got := term.shown(); !strings.HasPrefix(got, "containers: changed in 1.0s\na: note: to·[2Jld·\na_s") {
				t.Errorf("after the note:\n%s", got)
			}
			if err := v.End(&runner.Report{Mode: runner.ModeApply}); err != nil {
				t.Error(err)
			}
			if got := term.shown(); !strings.HasSuffix(got, "ld·\n0 changed, 0 unchanged, 0 failed in 0.0s") {
				t.Errorf("at the end:\n%s", got)
			}
		})
	}
}

// The terminal echoes Ctrl-C where the cursor stands. No line is lost or torn by it.
func TestTerminalViewAfterCtrlC(t *testing.T) {
	v, term := newTestView(80)
	v.Observe(runner.Event{Kind: runner.StepBegin, Step: "first"})
	v.Observe(runner.Event{Kind: runner.StepEnd, Step: "first", Status: runner.Changed})
	v.Observe(runner.Event{Kind: runner.StepBegin, Step: "second"})
	_, _ = term.Write([]byte("^C"))
	v.Observe(runner.Event{Kind: runner.StepEnd, Step: "second", Status: runner.Interrupted})
	if err := v.End(&runner.Report{Mode: runner.ModeApply}); err != nil {
		t.Error(err)
	}
	want := "first: changed in 0.0s\nsecond: interrupted in 0.0s\n0 changed, 0 unchanged, 0 failed in 0.0s"
	if got := term.shown(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestManyRows(t *testing.T) {
	v, term := newTestView(80)
	for i := range 64 {
		v.Observe(runner.Event{Kind: runner.StepBegin, Step: fmt.Sprintf("s%d", i)})
	}
	if got := strings.Count(term.shown(), "running"); got != maxRows {
		t.Errorf("%d rows, want %d", got, maxRows)
	}
}
