package view

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hinshun/vt10x"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

var update = flag.Bool("update", false, "write the golden files again")

// A lab is a view on an emulated terminal.
type lab struct {
	t       *testing.T
	view    View
	mu      sync.Mutex // the view draws in a goroutine of its own
	term    vt10x.Terminal
	columns int
	height  int
	written strings.Builder
	stop    chan struct{}
}

// Write is what the terminal's driver does: a line feed gets a carriage return.
func (l *lab) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written.Write(b)
	if _, err := l.term.Write([]byte(strings.ReplaceAll(string(b), "\n", "\r\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// A cleaner stands for the outputs of the command, on a terminal.
type cleaner struct {
	to      io.Writer
	columns func() int
	color   bool
}

func (c cleaner) Write(text []byte) (int, error) { return len(text), c.Paint(Span{Text: string(text)}) }

func (c cleaner) Paint(spans ...Span) error {
	var b strings.Builder
	for _, s := range spans {
		s.Text = human.Clean(s.Text)
		if !c.color {
			s.Color = NoColor
		}
		b.WriteString(s.Sequence())
	}
	_, err := io.WriteString(c.to, Wrap(b.String(), c.columns()))
	return err
}

// newLab makes a view on a terminal of so many columns, for a plan of these steps.
func newLab(t *testing.T, columns, height int, change func(*Terminal), steps ...Step) *lab {
	t.Helper()
	l := &lab{t: t, columns: columns, height: height, stop: make(chan struct{})}
	l.term = vt10x.New(vt10x.WithSize(columns, height))
	terminal := Terminal{
		To: l, Size: l.size, Unicode: true, Errs: true, Stopping: l.stop,
	}
	if change != nil {
		change(&terminal)
	}
	out := func(to io.Writer) io.Writer {
		return cleaner{to, func() int { columns, _ := l.size(); return columns }, terminal.Color}
	}
	terminal.Text = out
	l.view = NewTerminal(terminal, Screen{out(l), out(l)}, steps)
	l.observe(runner.Event{Kind: runner.RunBegin, Mode: runner.ModeApply, Items: len(steps)})
	return l
}

func (l *lab) size() (columns, rows int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.columns, l.height
}

// resize makes the terminal an empty one of another size.
func (l *lab) resize(columns, rows int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.columns, l.height = columns, rows
	l.term = vt10x.New(vt10x.WithSize(columns, rows))
}

// wait lets time pass, and then lets the view draw.
func (l *lab) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (l *lab) observe(events ...runner.Event) {
	for _, e := range events {
		e.Time = time.Now()
		l.view.Observe(e)
	}
}

// end ends the run. In every test it has to be called, so that the view's goroutine ends.
func (l *lab) end(r *runner.Report) {
	l.t.Helper()
	r.Mode = runner.ModeApply
	if err := l.view.End(r); err != nil {
		l.t.Error(err)
	}
}

// screen returns what the terminal shows. The cursor is at the beginning of a line.
func (l *lab) screen() string {
	l.t.Helper()
	if at := l.term.Cursor(); at.X != 0 {
		l.t.Errorf("the cursor is at column %d, line %d", at.X, at.Y)
	}
	var lines []string
	for line := range strings.SplitSeq(l.term.String(), "\n") {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// golden compares the screens of a test with those of a file.
func golden(t *testing.T, name string, screens []string) {
	t.Helper()
	got := strings.Join(screens, "--------\n")
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("screens (-want +got; go test -update writes %s):\n%s", file, diff)
	}
}

func begin(step string) runner.Event { return runner.Event{Kind: runner.StepBegin, Step: step} }

func changing(step string, items int, total int64) runner.Event {
	return runner.Event{Kind: runner.StepChange, Step: step, Items: items, Total: total}
}

func moved(step string, bytes, total int64) runner.Event {
	return runner.Event{Kind: runner.Ticked, Step: step, Bytes: bytes, Total: total}
}

func done(step string, what runner.Thing, name string) runner.Event {
	return runner.Event{Kind: runner.ItemDone, Step: step, Item: &runner.Item{Op: runner.Create, What: what, Name: name, Mounted: 3 * mib}}
}

func ended(step string, s runner.Status, took float64) runner.Event {
	return runner.Event{Kind: runner.StepEnd, Step: step, Status: s, Took: took}
}

const mib = 1 << 20

var walkthrough = []Step{
	{ID: "dirs"},
	{ID: "overcloud_full", Needs: []string{"dirs"}},
	{ID: "containers", Needs: []string{"dirs"}},
	{ID: "upload", Needs: []string{"overcloud_full", "dirs"}},
	{ID: "catalog", Needs: []string{"containers"}},
	{ID: "pullers", Needs: []string{"containers", "catalog", "upload"}},
}

// A whole run, with a screen for each thing that people see.
func TestTerminalScreens(t *testing.T) {
	ascii := func(t *Terminal) { t.Unicode = false }
	for _, tt := range []struct {
		name            string
		columns, height int
		change          func(*Terminal)
	}{
		{"80", 80, 24, nil}, {"120", 120, 24, nil}, {"30", 30, 24, nil}, {"ascii", 80, 24, ascii}, {"low", 80, 5, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				golden(t, "walkthrough-"+tt.name, walk(newLab(t, tt.columns, tt.height, tt.change, walkthrough...)))
			})
		})
	}
}

// walk goes through a run and returns what the terminal showed on the way.
func walk(l *lab) (screens []string) {
	look := func() { l.wait(redrawAfter); screens = append(screens, l.screen()) }
	l.observe(begin("dirs"), done("dirs", "directory", "/home/stack/images"), ended("dirs", runner.Changed, 0))
	l.observe(begin("overcloud_full"), begin("containers"))
	l.wait(2 * time.Second)
	look()
	l.observe(changing("containers", 45, 601*mib), changing("overcloud_full", 2, 1536*mib))
	for i := range 4 {
		time.Sleep(time.Second)
		l.observe(moved("containers", int64(i+1)*24*mib, 601*mib), moved("overcloud_full", int64(i+1)*mib, 1536*mib))
		l.observe(done("containers", "image", fmt.Sprint("image", i)))
	}
	look()
	l.observe(runner.Event{Kind: runner.Retrying, Step: "containers", Attempt: 1, Wait: 3, Error: "registry quay.io: connection reset by peer"})
	look()
	time.Sleep(3 * time.Second)
	l.observe(changing("containers", 41, 500*mib))
	time.Sleep(time.Second)
	l.observe(moved("containers", 116*mib, 500*mib))
	look()
	l.observe(moved("containers", 596*mib, 500*mib))
	failed := ended("overcloud_full", runner.Failed, 9.5)
	failed.Error, failed.Hint, failed.Bytes = "unpack overcloud-full.tar: entry \"overcloud-full.qcow2\": unexpected end of the archive after 4194304 bytes", "download it again", 4*mib
	skipped := ended("upload", runner.Skipped, 0)
	skipped.Message = "needs overcloud_full, which failed"
	l.observe(failed, skipped)
	look()
	all := ended("containers", runner.Changed, 12.5)
	all.Bytes = 596 * mib
	l.observe(all, begin("catalog"), ended("catalog", runner.Unchanged, 0.1))
	look()
	l.end(&runner.Report{Took: 13 * time.Second, Steps: []*runner.StepReport{{Status: runner.Failed}, {Status: runner.Changed}}})
	return append(screens, l.screen())
}

// No row is wider than the terminal, whatever the numbers and names.
func TestRowsFit(t *testing.T) {
	long := "a_step_with_a_name_that_is_long_enough_for_half_of_a_narrow_terminal"
	now := time.Now()
	for columns := 1; columns < 140; columns++ {
		for _, size := range []int64{1, 1023, 1023*mib + 900<<10, 1 << 60} {
			v := &TerminalView{progress: progress{steps: []Step{{ID: "x", Needs: []string{long, "b", "c"}}, {ID: "y", Needs: []string{long}}}}}
			for _, id := range []string{"a", long, "字字字字字字字字字字字字字字"} {
				for _, e := range []runner.Event{
					{Time: now, Kind: runner.StepBegin, Step: id},
					{Time: now, Kind: runner.StepChange, Step: id, Total: size},
					{Time: now.Add(time.Second), Kind: runner.Ticked, Step: id, Bytes: size / 3},
					{Time: now.Add(-100 * time.Hour), Kind: runner.StepBegin, Step: id + "!"},
				} {
					v.progress.observe(e)
				}
			}
			for _, row := range v.rows(columns, 24, now.Add(2*time.Second)) {
				if got := human.Width(row); got >= columns && got > 0 {
					t.Errorf("a row has %d of %d columns: %q", got, columns, row)
				}
			}
		}
	}
}

// The terminal echoes Ctrl-C where the cursor stands. No line is lost or torn by it, and
// nothing of it stays before the summary.
func TestTerminalAfterCtrlC(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait time.Duration // before the key: rows are drawn after redrawAfter
	}{{"rows are drawn", time.Second}, {"none are drawn yet", 0}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, 80, 24, nil, Step{ID: "first"}, Step{ID: "second", Needs: []string{"first"}})
				l.observe(begin("first"), ended("first", runner.Changed, 0), begin("second"))
				l.wait(tt.wait)
				fmt.Fprint(l, "^C")
				close(l.stop)
				if tt.wait > 0 {
					l.wait(redrawAfter)
					want := "first: changed in 0.0s\nsecond  checking what is there  1s\nstopping; what runs is ending, and a second Ctrl-C ends at once\n"
					if got := l.screen(); got != want {
						t.Errorf("while it stops:\n%s", got)
					}
				}
				l.observe(ended("second", runner.Interrupted, 0))
				l.end(&runner.Report{})
				want := "first: changed in 0.0s\nsecond: interrupted in 0.0s\n0 changed, 0 unchanged, 0 failed in 0.0s\n"
				if got := l.screen(); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

// A second Ctrl-C ends the process while rows are drawn.
func TestTerminalAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 80, 24, nil, Step{ID: "first"})
		l.observe(begin("first"))
		l.wait(time.Second)
		fmt.Fprint(l, "^C^C")
		v := l.view.(*TerminalView)
		v.Abort("bayplan: ended at once")
		l.observe(ended("first", runner.Interrupted, 0))
		l.wait(time.Second)
		if got, want := l.screen(), "bayplan: ended at once\n"; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		l.end(&runner.Report{})
		fmt.Fprint(l, "^C")
		v.Abort("again")
		if got, want := l.screen(), "bayplan: ended at once\n0 changed, 0 unchanged, 0 failed in 0.0s\n"; got != want {
			t.Errorf("after the end:\n%s", got)
		}
	})
}
