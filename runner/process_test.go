package runner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/plan"
)

// asProcess is set, to the directory to work in, where the test binary is to
// be an apply in a process of its own.
const asProcess = "BAYPLAN_TEST_APPLY"

// An ink is a step that writes a file and notes every time it does.
type ink struct {
	File plan.Path `json:"file"`
}

func (k *ink) Inputs(context.Context, World) ([]Input, error) { return nil, nil }

func (k *ink) Diff(context.Context, World, *Record) (*Finding, error) {
	if k.written() == nil {
		return &Finding{}, nil
	}
	return &Finding{Change: &Change{Summary: "a file", Apply: k.apply}}, nil
}

func (k *ink) written() error {
	b, err := os.ReadFile(string(k.File))
	if err == nil && string(b) != "written" {
		err = errors.New("it is half written")
	}
	return err
}

func (k *ink) apply(_ context.Context, p Progress) (Outputs, error) {
	log, err := os.OpenFile(string(k.File)+".times", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := log.WriteString("x"); err != nil {
		return nil, err
	}
	p.Done(Item{Op: Create, What: "file", Name: string(k.File)})
	return nil, errors.Join(log.Close(), durable.WriteBytes(string(k.File), 0o600, []byte("written")))
}

func (k *ink) Verify(context.Context, World) (Outputs, error) { return nil, k.written() }

// inkPlan has twelve steps in four columns.
func inkGraph(dir string) (*Graph, error) {
	var steps strings.Builder
	for i := range 12 {
		needs := ""
		if i >= 4 {
			needs = fmt.Sprintf("s%d", i-4)
		}
		fmt.Fprintf(&steps, "s%d: ink %s {file: f%d}\n", i, needs, i)
	}
	p, errs := plan.Parse(filepath.Join(dir, "bayplan.yaml"), []byte(planOf(steps.String())), plan.Options{})
	if len(errs) > 0 {
		return nil, errs
	}
	g, errs := Check(p, Types{{Name: "ink", New: func() Step { return &ink{} }}})
	return g, errs.Err()
}

// TestApplyProcess is the apply that other tests start. It tells each event on
// a line of its own and waits until it may go on.
func TestApplyProcess(t *testing.T) {
	dir := os.Getenv(asProcess)
	if dir == "" {
		return
	}
	g, err := inkGraph(dir)
	must(t, err)
	s, err := OpenStore(StateDir(g.Plan), g.Plan.File)
	if err != nil {
		fmt.Println("refused:", err)
		return
	}
	in := bufio.NewReader(os.Stdin)
	r := &Runner{Graph: g, Store: s, Parallel: 3, Observe: func(e Event) {
		fmt.Println("event:", e.Kind, e.Step, e.Status)
		_, _ = in.ReadString('\n')
	}}
	report, err := r.Apply(t.Context())
	must(t, err)
	must(t, report.Err())
	must(t, s.Close())
	fmt.Println("finished:", report.Summary())
}

// A process is an apply in a process of its own.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	out *bufio.Scanner
	in  interface{ Write([]byte) (int, error) }
}

func start(t *testing.T, dir string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestApplyProcess$")
	cmd.Env = append(os.Environ(), asProcess+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	return &process{t, cmd, bufio.NewScanner(out), in}
}

// next lets the process go on to its next event and gives that, "" at its end.
func (p *process) next() string {
	for p.out.Scan() {
		line := p.out.Text()
		if strings.HasPrefix(line, "event:") || strings.HasPrefix(line, "refused:") || strings.HasPrefix(line, "finished:") {
			_, _ = p.in.Write([]byte("\n"))
			return line
		}
	}
	return ""
}

// kill -9
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// rest lets the process run to its end and gives its last line.
func (p *process) rest() string {
	last := ""
	for line := p.next(); line != ""; line = p.next() {
		last = line
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the apply: %v", err)
	}
	return last
}

// times gives how often each step wrote its file.
func times(dir string) map[string]int {
	n := map[string]int{}
	for i := range 12 {
		b, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("f%d.times", i)))
		n[fmt.Sprintf("s%d", i)] = len(b)
	}
	return n
}

// Killed after any event, an apply leaves a state that can be read and claims
// nothing that is not so; the next one does the rest and nothing twice that
// was finished.
func TestLargeKilledAnywhere(t *testing.T) {
	for at := 1; at <= 48; at += 3 {
		dir := t.TempDir()
		g, err := inkGraph(dir)
		must(t, err)
		p := start(t, dir)
		for range at {
			p.next()
		}
		p.kill()

		s, err := ReadStore(StateDir(g.Plan), g.Plan.File)
		if err != nil {
			t.Fatalf("killed after event %d: %v", at, err)
		}
		before := times(dir)
		finished := 0
		for i := range 12 {
			id := fmt.Sprintf("s%d", i)
			if s.Record(id) == nil {
				continue
			}
			finished++
			if err := (&ink{File: plan.Path(filepath.Join(dir, fmt.Sprintf("f%d", i)))}).written(); err != nil {
				t.Errorf("killed after event %d: %s is recorded, but %v", at, id, err)
			}
		}

		if last := start(t, dir).rest(); !strings.HasPrefix(last, "finished: ") {
			t.Errorf("killed after event %d, applied again: %s", at, last)
		}
		after := times(dir)
		for i := range 12 {
			id := fmt.Sprintf("s%d", i)
			if s.Record(id) != nil && after[id] != before[id] {
				t.Errorf("killed after event %d: %s was finished and done again", at, id)
			}
			if after[id] < 1 || after[id] > 2 {
				t.Errorf("killed after event %d: %s was done %d times", at, id, after[id])
			}
		}
		t.Logf("killed after event %d, %d steps were finished", at, finished)
	}
}

func TestManyAppliesAtOnce(t *testing.T) {
	dir := t.TempDir()
	holder := start(t, dir)
	if line := holder.next(); !strings.HasPrefix(line, "event: run-begin") {
		t.Fatalf("the first apply says %q", line)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			line := start(t, dir).rest()
			if want := fmt.Sprintf("process %d of", holder.cmd.Process.Pid); !strings.HasPrefix(line, "refused:") || !strings.Contains(line, want) {
				t.Errorf("another apply says %q, want it refused because of %s", line, want)
			}
		})
	}
	all.Wait()
	holder.kill()
	began := time.Now()
	next := start(t, dir)
	if line := next.next(); !strings.HasPrefix(line, "event: run-begin") {
		t.Errorf("after the holder was killed: %q", line)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the next apply took %v to begin", took)
	}
	if last := next.rest(); !strings.HasPrefix(last, "finished: ") {
		t.Errorf("the next apply: %s", last)
	}
}
