package steps

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
)

// A file at an embedded host that changes twice within a second and keeps its size
// is fetched again.
func TestFetchSeesEveryChangeOfAnEmbeddedHost(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "f")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	write := func(text string, after time.Duration) {
		t.Helper()
		steptest.PutFile(t, dir+"/f", text)
		steptest.Must(t, os.Chtimes(dir+"/f", at.Add(after), at.Add(after)))
	}
	src := "apiVersion: bayplan/v1\nname: p\nconnections: { hosts: { a: { host: h.example, embedded: { dir: " + dir + " } } } }\nsteps: { a: { type: mkdir } }\n"
	p, errs := plan.Parse("/p.yaml", []byte(src), plan.Options{})
	steptest.Must(t, errs.Err())
	out, errs := connections.Connect(p)
	steptest.Must(t, errs.Err())
	steptest.Must(t, out.Open(false))
	defer out.Close()
	fetch, _ := Builtin(out).Find("fetch")
	fresh := func() runner.Step { return steptest.Step(t, fetch, "url: https://h.example/f, to: "+to) }
	run := func(prior *runner.Record) (*runner.Record, bool) {
		t.Helper()
		step := fresh()
		in, err := step.Inputs(t.Context(), &runner.Disk{})
		steptest.Must(t, err)
		found, err := step.Diff(t.Context(), &runner.Disk{}, prior)
		steptest.Must(t, err)
		if found.Change == nil {
			return prior, false
		}
		_, err = found.Change.Apply(t.Context(), &steptest.Progress{})
		steptest.Must(t, err)
		outputs, err := step.Verify(t.Context(), (&runner.Disk{}).Hard())
		steptest.Must(t, err)
		return &runner.Record{Inputs: in, Outputs: outputs}, true
	}

	write("one", 0)
	prior, _ := run(nil)
	if _, changed := run(prior); changed {
		t.Error("what is unchanged is fetched again")
	}
	write("two", 400*time.Millisecond)
	if _, changed := run(prior); !changed || steptest.ReadFile(t, to) != "two" {
		t.Errorf("changed = %v, and there is %q", changed, steptest.ReadFile(t, to))
	}
}
