package site

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func bundleOf(digest string, files ...string) *request.Bundle {
	b := &request.Bundle{Digest: digest, Plan: "p", File: "plan.yaml", Files: map[string][]byte{"plan.yaml": []byte(digest)}}
	for i := 0; i < len(files); i += 2 {
		b.Files[files[i]] = []byte(files[i+1])
	}
	return b
}

// While the files of another run are written, the folder is that of no run: what is left half written
// is never taken for one.
func TestFiles(t *testing.T) {
	s := &Site{Dir: t.TempDir()}
	path := func(name string) string { return filepath.Join(s.Dir, "p", name) }
	is := func(name, want string) {
		t.Helper()
		if got := read(path(name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	a := bundleOf("a", "list", "one", "plan.lock.yaml", "locked")
	_, _, err := s.write(a)
	must(t, err)
	must(t, os.WriteFile(path("plan.lock.yaml"), []byte("looked up"), 0o600))
	must(t, os.WriteFile(path("list"), []byte("damaged"), 0o600))
	_, _, err = s.write(a)
	must(t, err)
	is("plan.lock.yaml", "looked up")
	is("list", "one")

	must(t, os.MkdirAll(path("z/inner"), 0o700))
	b := bundleOf("b", "list", "two", "more", "of b", "z", "cannot be written")
	if _, _, err := s.write(b); err == nil {
		t.Fatal("z is a directory")
	}
	is("plan.yaml", "b")
	must(t, os.RemoveAll(path("z")))
	file, _, err := s.write(a)
	must(t, err)
	if file != path("plan.yaml") {
		t.Errorf("the plan is %s", file)
	}
	is("plan.yaml", "a")
	is("list", "one")
	is("plan.lock.yaml", "locked")
	if exists(path("more")) {
		t.Error("a file of the other run is there")
	}
	for _, name := range []string{".worker/files", ".worker/x", "a\nb"} {
		if _, _, err := s.write(bundleOf("c", name, "")); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

// The values of a run lie beside its plan, those that count last at the end.
func TestValues(t *testing.T) {
	s := &Site{Dir: t.TempDir()}
	b := bundleOf("a", ".values/1.yaml", "x: 2\n")
	b.Environ, b.VarFiles, b.Vars = []string{"BAYPLAN_VAR_x=1", "BAYPLAN_VAR_y=a=b"}, []string{".values/1.yaml"}, map[string]string{"x": "3"}
	_, values, err := s.write(b)
	must(t, err)
	var texts []string
	for _, file := range values {
		texts = append(texts, strings.Join(strings.Fields(read(file)), " "))
	}
	want := []string{`{ "x": "1", "y": "a=b" }`, `x: 2`, `{ "x": "3" }`}
	if !slices.Equal(texts, want) {
		t.Errorf("got %q", texts)
	}
}

// A newer attempt of a step stops the one that works, and replaces one that waits for it.
func TestSupersede(t *testing.T) {
	s := &Site{}
	begin := func() (*attempt, context.Context) {
		ctx, cancel := context.WithCancelCause(t.Context())
		return s.newAttempt(cancel), ctx
	}
	first, working := begin()
	must(t, s.supersede(working, "a", first))
	second, ctx2 := begin()
	third, ctx3 := begin()
	waits := make(chan error, 2)
	go func() { waits <- s.supersede(ctx2, "a", second) }()
	<-working.Done()
	if cause := context.Cause(working); !errors.Is(cause, errSuperseded) {
		t.Errorf("the first one is stopped by %v", cause)
	}
	taken := make(chan error, 1)
	go func() { taken <- s.supersede(ctx3, "a", third) }()
	if err := <-waits; !errors.Is(err, errSuperseded) {
		t.Errorf("the second one ends with %v", err)
	}
	select {
	case err := <-taken:
		t.Fatalf("the third one has begun while the first one works: %v", err)
	default:
	}
	s.finish("a", first)
	must(t, <-taken)
	if err := s.supersede(ctx2, "a", second); !errors.Is(err, errSuperseded) {
		t.Errorf("an older attempt stops a newer one: %v", err)
	}
	s.finish("a", third)
	if len(s.attempts) != 0 {
		t.Error("attempts are left")
	}
}

// An attempt that was stopped is made again, but for one of a run that was cancelled.
func TestUnfinished(t *testing.T) {
	locked := &runner.LockedError{Dir: "/d", Holder: runner.Holder{PID: 1, User: "operator", Host: "h", Command: "bayplan apply --password x"}}
	failed := errors.New("no such thing")
	for name, tt := range map[string]struct {
		cause, err error
		retry      bool
		want       string
	}{
		"the worker stops":        {errStopping, nil, true, "the worker stops"},
		"another attempt":         {errSuperseded, failed, true, "another attempt"},
		"paused":                  {errors.New("activity paused"), nil, true, "activity paused"},
		"cancelled":               {temporal.NewCanceledError(), nil, false, ""},
		"cancelled before it":     {temporal.NewCanceledError(), failed, true, "canceled"},
		"another run":             {nil, locked, true, "another run holds the state"},
		"the server is not there": {nil, &lostError{failed}, true, "no such thing"},
		"a failure":               {nil, failed, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			if tt.cause != nil {
				cancel(tt.cause)
			}
			defer cancel(nil)
			var told string
			s := &Site{Name: "edge1", Secrets: redact.New(), Tell: func(line string) { told = line }}
			err := s.unfinished(ctx, &flow.Task{Step: "a"}, tt.err)
			if (err != nil) != tt.retry || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
			if tt.err == locked && (strings.Contains(err.Error(), "bayplan apply") || !strings.Contains(told, "bayplan apply")) {
				t.Errorf("the server is told %q, people here %q", err, told)
			}
		})
	}
}

// noise gives text that cannot be compressed.
func noise(bytes int) string {
	random := rand.New(rand.NewPCG(1, 2))
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	b := make([]byte, bytes)
	for i := range b {
		b[i] = letters[random.IntN(len(letters))]
	}
	return string(b)
}

// What a step tells is cut before it fails for being too large. Secrets stay.
func TestPack(t *testing.T) {
	secrets := redact.New()
	secrets.Add("hidden-word")
	large := noise(3 << 20)
	for name, tt := range map[string]struct {
		note, output string
		status       runner.Status
		want         string
	}{
		"small":           {"a note", "value", runner.Changed, "a note"},
		"a large note":    {large, "value", runner.Changed, "too much to travel"},
		"a long note":     {strings.Repeat("x", 9<<20), "value", runner.Changed, "too much to travel"},
		"a large output":  {"a note", large, runner.Failed, "its outputs are too large to travel"},
		"a long output":   {"a note", strings.Repeat("x", 9<<20), runner.Failed, "its outputs are too large to travel"},
		"a secret note":   {"see hidden-word", "value", runner.Changed, "see "},
		"a secret output": {"a note", "x hidden-word", runner.Failed, `its output "out" has a secret in it`},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Site{Name: "edge1", Secrets: secrets}
			packed, err := s.pack(&flow.Result{
				Status: runner.Changed, Outputs: runner.Outputs{"out": plan.Text(tt.output)},
				Events: []runner.Event{{Kind: runner.StepBegin, Step: "a"}, {Kind: runner.StepEnd, Step: "a", Status: runner.Changed, Notes: []string{tt.note}}},
			}, &flow.Task{Step: "a", Gives: []string{"out"}})
			must(t, err)
			r, err := flow.OpenResult(packed, "a")
			must(t, err)
			end := r.Events[len(r.Events)-1]
			if all := end.Error + strings.Join(end.Notes, "\n"); r.Status != tt.status || !strings.Contains(all, tt.want) || strings.Contains(all, "hidden-word") {
				t.Errorf("got %s %.300q", r.Status, all)
			}
			if out := r.Outputs["out"]; (r.Status == runner.Changed) != (out.String() == tt.output) {
				t.Errorf("the output is %.100q", out)
			}
			if len(packed) > request.MaxPayload {
				t.Errorf("%d bytes", len(packed))
			}
		})
	}
}

// A step that uses outputs of its own site uses those that the run knows, and no older ones.
func TestRecords(t *testing.T) {
	s := &Site{Name: "edge1", Secrets: redact.New()}
	open := &session{records: map[string]runner.Outputs{"old": {"image": plan.Text("yesterday")}}}
	task := &flow.Task{Step: "b", Records: map[string]string{"a": s.remember(open, "a", runner.Outputs{"image": plan.Text("today")})}}
	must(t, s.checkRecords(open, task))
	task.Records["old"] = flow.RecordOf(runner.Outputs{"image": plan.Text("today")})
	if err := s.checkRecords(open, task); err == nil || !strings.Contains(err.Error(), "of step old is not what the step gave in this run") {
		t.Errorf("got %v", err)
	}
	task.Records = map[string]string{"none": s.remember(open, "none", nil)}
	must(t, s.checkRecords(open, task))
}

// One folder is that of one worker, of whatever site.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	one, two := &Site{Name: "edge1", Dir: dir}, &Site{Name: "edge2", Dir: dir}
	f, err := one.Lock()
	must(t, err)
	if _, err := two.Lock(); err == nil || !strings.Contains(err.Error(), "a worker of site edge1 already runs in "+dir) {
		t.Errorf("got %v", err)
	}
	must(t, f.Close())
	f, err = two.Lock()
	must(t, err)
	must(t, f.Close())
}
