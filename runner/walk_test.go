package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

// A diary is a handler that writes down each call with its virtual second.
type diary struct {
	t     *testing.T
	began time.Time
	lines []string
	works map[string]work
	fails map[string]bool

	running, most int
}

func newDiary(t *testing.T) *diary {
	return &diary{t: t, began: time.Now(), works: map[string]work{}, fails: map[string]bool{}}
}

func (d *diary) write(format string, args ...any) {
	at := time.Since(d.began).Round(time.Millisecond)
	d.lines = append(d.lines, fmt.Sprintf("%4.1f ", at.Seconds())+fmt.Sprintf(format, args...))
}

func (d *diary) startNode(n *Node) work {
	d.write("begin %s", n.ID())
	d.running++
	d.most = max(d.most, d.running)
	if w := d.works[n.ID()]; w != nil {
		return w
	}
	return func(context.Context, func(any)) result { return result{} }
}

func (d *diary) onNote(n *Node, what any) { d.write("%s notes %v", n.ID(), what) }

func (d *diary) onEnd(n *Node, res result) bool {
	d.running--
	if res.err != nil {
		d.write("%s fails: %v", n.ID(), res.err)
		return false
	}
	d.write("end %s", n.ID())
	return true
}

func (d *diary) onDrop(n, blame *Node) {
	if blame == nil {
		d.write("drop %s", n.ID())
		return
	}
	d.write("drop %s because of %s", n.ID(), blame.ID())
}

func (d *diary) onTick() {}

// want compares the diary with lines, one a line.
func (d *diary) want(lines string) {
	d.t.Helper()
	var want []string
	for line := range strings.Lines(strings.Trim(lines, "\n")) {
		want = append(want, " "+strings.TrimSpace(line))
	}
	var got []string
	for _, line := range d.lines {
		got = append(got, " "+strings.TrimSpace(line))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("the walk (-want +got):\n%s", diff)
	}
}

// nodes makes nodes of lines like "c: a b", each after those it names.
func nodes(t *testing.T, lines ...string) []*Node {
	t.Helper()
	g := &Graph{Plan: &plan.Plan{}}
	for _, line := range lines {
		id, needs, _ := strings.Cut(line, ":")
		s := &plan.Step{ID: id}
		n := &Node{Step: s}
		for need := range strings.FieldsSeq(needs) {
			s.Needs = append(s.Needs, plan.Need{ID: need})
			n.Needs = append(n.Needs, Edge{From: need, To: id, Kind: Need})
		}
		g.Nodes = append(g.Nodes, n)
		g.Plan.Steps = append(g.Plan.Steps, s)
	}
	if stuck, _ := g.sort(); stuck != nil {
		t.Fatal("a cycle")
	}
	return g.order
}

// workFor works for some time, or until it is stopped.
func workFor(d time.Duration) work {
	return func(ctx context.Context, _ func(any)) result {
		select {
		case <-time.After(d):
			return result{}
		case <-ctx.Done():
			return result{err: context.Cause(ctx)}
		}
	}
}

func failing(d time.Duration, msg string) work {
	return func(context.Context, func(any)) result {
		time.Sleep(d)
		return result{err: fmt.Errorf("%s", msg)}
	}
}

func TestWalkRunsWhatIsReadySideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary(t)
		d.works["a"], d.works["b"], d.works["c"] = workFor(2*time.Second), workFor(time.Second), workFor(1500*time.Millisecond)
		newWalk(nodes(t, "a", "b", "c: b", "d: a c"), 2, d).run(t.Context())
		d.want(`
			0.0 begin a
			0.0 begin b
			1.0 end b
			1.0 begin c
			2.0 end a
			2.5 end c
			2.5 begin d
			2.5 end d`)
	})
}

func TestWalkBoundsTheNumber(t *testing.T) {
	for _, parallel := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(parallel), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDiary(t)
				var lines []string
				for i := range 10 {
					id := fmt.Sprintf("s%d", i)
					lines = append(lines, id)
					d.works[id] = workFor(time.Second)
				}
				newWalk(nodes(t, lines...), parallel, d).run(t.Context())
				if want := max(parallel, 1); d.most != want {
					t.Errorf("%d ran at once, want %d", d.most, want)
				}
			})
		})
	}
}

func TestWalkGoesOnBesideAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary(t)
		d.works["a"], d.works["x"] = failing(time.Second, "boom"), workFor(2*time.Second)
		newWalk(nodes(t, "a", "b: a", "c: b", "x", "y: x", "z: y c"), 4, d).run(t.Context())
		d.want(`
			0.0 begin a
			0.0 begin x
			1.0 a fails: boom
			1.0 drop b because of a
			1.0 drop c because of a
			1.0 drop z because of a
			2.0 end x
			2.0 begin y
			2.0 end y`)
	})
}

func TestWalkWaitsForWhatIsBeforeByWayOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, "a", "b: a", "c: b")
		d := newDiary(t)
		d.works["a"] = workFor(time.Second)
		newWalk([]*Node{all[0], all[2]}, 4, d).run(t.Context())
		d.want(`
			0.0 begin a
			1.0 end a
			1.0 begin c
			1.0 end c`)
	})
}

func TestWalkInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary(t)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		d.works["a"] = workFor(time.Minute)
		// b does not care that it is to stop, and gets done.
		d.works["b"] = func(context.Context, func(any)) result {
			time.Sleep(3 * time.Second)
			return result{}
		}
		newWalk(nodes(t, "a", "b", "c", "d: b"), 2, d).run(ctx)
		d.want(`
			0.0 begin a
			0.0 begin b
			1.5 a fails: context deadline exceeded
			3.0 end b
			3.0 drop c
			3.0 drop d`)
	})
}

func TestWalkTakesNotesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary(t)
		var late func(any)
		d.works["a"] = func(_ context.Context, note func(any)) result {
			note("one")
			note("two")
			late = note
			return result{}
		}
		d.works["b"] = func(context.Context, func(any)) result {
			late("a straggler of a, which has ended")
			return result{}
		}
		newWalk(nodes(t, "a", "b: a"), 4, d).run(t.Context())
		late("after everything")
		d.want(`
			0.0 begin a
			0.0 a notes one
			0.0 a notes two
			0.0 end a
			0.0 begin b
			0.0 end b`)
	})
}

func TestWalkSurvivesAWorkThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary(t)
		d.works["a"] = func(context.Context, func(any)) result {
			runtime.Goexit()
			return result{}
		}
		newWalk(nodes(t, "a", "b: a"), 4, d).run(t.Context())
		d.want(`
			0.0 begin a
			0.0 a fails: its goroutine ended without a result
			0.0 drop b because of a`)
	})
}

// Each node of a walk ends or is dropped exactly once, whatever fails.
func TestWalkEndsOrDropsEachNode(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			d := newDiary(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rnd.IntN(20))*time.Second)
			defer cancel()
			var lines []string
			for i := range 12 {
				line := fmt.Sprintf("s%d:", i)
				for range rnd.IntN(3) {
					if i > 0 {
						line += fmt.Sprintf(" s%d", rnd.IntN(i))
					}
				}
				lines = append(lines, line)
				took := time.Duration(rnd.IntN(4)) * time.Second
				d.works[fmt.Sprintf("s%d", i)] = workFor(took)
				if rnd.IntN(6) == 0 {
					d.works[fmt.Sprintf("s%d", i)] = failing(took, "boom")
				}
			}
			newWalk(nodes(t, lines...), 1+rnd.IntN(4), d).run(ctx)
			ends := map[string]int{}
			for _, line := range d.lines {
				f := strings.Fields(line)
				switch {
				case f[1] == "end", f[1] == "drop":
					ends[f[2]]++
				case f[2] == "fails:":
					ends[f[1]]++
				}
			}
			for i := range 12 {
				if id := fmt.Sprintf("s%d", i); ends[id] != 1 {
					t.Errorf("seed %d: %s ended %d times:\n%s", seed, id, ends[id], strings.Join(d.lines, "\n"))
				}
			}
		})
	}
}
