package flow

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Many steps that can begin together begin in turns that the server takes, and all of them end.
// Each site has its share of what is pending.
func TestHold(t *testing.T) {
	w := newWorld(t)
	run := &request.Run{MaxFailures: -1}
	for i := range 1100 {
		run.Steps = append(run.Steps, request.Step{ID: fmt.Sprint("dir", i), Site: fmt.Sprint("s", i%7)})
	}
	var mu sync.Mutex
	pending, full := 0, make(chan struct{})
	w.do = func(*Task) (*Result, error) {
		mu.Lock()
		pending++
		if pending == maxPending/7*7 {
			close(full)
		}
		mu.Unlock()
		<-full
		mu.Lock()
		defer mu.Unlock()
		if pending > maxPending {
			return nil, fmt.Errorf("%d steps are pending", pending)
		}
		pending--
		return nil, nil
	}
	endings, err := w.run(t, run)
	if err != nil || len(endings) != 0 || len(w.tasks) != 1100 {
		t.Errorf("%v: %d tasks, endings: %v", err, len(w.tasks), endings)
	}
}

// Outputs go with tasks as far as the history of the run has room; then they are asked for, and
// no turn takes more than the server does.
func TestLargeOutputs(t *testing.T) {
	w := newWorld(t)
	run := &request.Run{MaxFailures: -1, Steps: []request.Step{
		{ID: "small", Site: "centre", Gives: []string{"images"}}, {ID: "large", Site: "centre", Gives: []string{"images"}},
	}}
	for i := range 600 {
		run.Steps = append(run.Steps, request.Step{ID: fmt.Sprint("a", i), Site: fmt.Sprint("s", i), Needs: []string{"small", "large"}, Asks: []string{"small", "large"}})
	}
	outputs := map[string]runner.Outputs{"small": {"images": plan.Text(noise(10 << 10))}, "large": {"images": plan.Text(noise(600 << 10))}}
	packed := map[string]string{} // digests of results
	sent := 0
	w.SetOnTimerFiredListener(func(string) { w.mu.Lock(); sent = 0; w.mu.Unlock() })
	w.do = func(task *Task) (*Result, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		b, err := request.Pack(task)
		if sent += perTask + len(b); sent > maxTurn+maxInline {
			return nil, temporal.NewNonRetryableApplicationError(fmt.Sprintf("%d bytes in one turn", sent), "", nil)
		}
		if outputs[task.Step] == nil || err != nil {
			return nil, err
		}
		r := ended(task.Step, runner.Changed)
		r.Outputs = outputs[task.Step]
		b, err = request.Pack(r)
		packed[task.Step] = request.Digest(b)
		return r, err
	}
	if endings, err := w.run(t, run); err != nil || len(endings) > 0 {
		t.Fatal(err, endings)
	}
	inline := 0
	for id, task := range w.tasks {
		if len(run.Step(id).Asks) == 0 {
			continue
		}
		if task.Ask["large"] != packed["large"] || task.Ask["small"] != packed["small"] && len(task.Given["small"]) == 0 {
			t.Fatalf("%s: asks for %v", id, task.Ask)
		}
		if task.Given["small"] != nil {
			inline++
		}
	}
	if size := len(noise(10 << 10)); inline < maxGiven/size*9/10 || inline > maxGiven/size {
		t.Errorf("%d tasks have the small outputs", inline)
	}
	if got := w.asked(t, "large"); request.Digest(got) != packed["large"] {
		t.Error("the run gives another result")
	}
	for _, wanted := range []Wanted{{Step: "none"}, {Step: "a1"}, {Step: "large", From: -1}, {Step: "large", From: 1 << 30}} {
		if _, err := w.QueryWorkflow(ValuesQuery, wanted); err == nil {
			t.Errorf("%v: no error", wanted)
		}
	}
}

// asked asks the workflow for a result, in pieces.
func (w *world) asked(t *testing.T, step string) []byte {
	t.Helper()
	for got := []byte(nil); ; {
		value, err := w.QueryWorkflow(ValuesQuery, Wanted{Step: step, From: len(got)})
		if err != nil {
			t.Fatal(err)
		}
		var p Piece
		if err := value.Get(&p); err != nil || len(p.Data) > PieceSize || len(p.Data) == 0 {
			t.Fatal(err, len(p.Data))
		}
		if got = append(got, p.Data...); len(got) == p.Total {
			return got
		}
	}
}

// noise is a text that no compression makes smaller than by a quarter.
func noise(size int) string {
	b := make([]byte, size*3/4)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}
