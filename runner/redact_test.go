package runner

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
)

// A record names no secret. Its key stays, an input keeps what tells it from others, and
// an output is left out: a mark would be a wrong value.
func TestRedactRecord(t *testing.T) {
	r := redact.New()
	r.Add("hunter2-x")
	rec := Record{
		Step: "s", Key: "sha256:1",
		Inputs:  []Input{{"with.url", `"https://h/f?sig=abc"`}, {"list hunter2-x", "sha256:2"}, {"with.to", `"f"`}},
		Outputs: Outputs{"a": plan.Text("it is hunter2-x"), "b": plan.List("x", "hunter2-x"), "c": plan.Text("c"), "d": plan.List("x", "y")},
	}
	got := redactRecord(r, "p", rec)
	if got.Key != rec.Key || len(got.Outputs) != 2 || got.Outputs["c"].String() != "c" || len(rec.Outputs) != 4 {
		t.Errorf("got %+v of %+v", got, rec)
	}
	if !strings.HasPrefix(got.Inputs[0].Digest, "[redacted] pbkdf2-hmac-sha256:") || got.Inputs[1].Name != "list [redacted]" || got.Inputs[2] != rec.Inputs[2] {
		t.Errorf("inputs %+v", got.Inputs)
	}
	// A record of an earlier version has the address itself. It is the same one.
	now := redactInputs(r, "p", "s", rec.Inputs)
	if changed := ChangedInputs(redactPrior(r, "p", &rec), now); len(changed) > 0 {
		t.Errorf("an earlier record differs: %+v", changed)
	}
	now = redactInputs(r, "p", "s", []Input{{"with.url", `"https://h/f?sig=abd"`}, rec.Inputs[1], rec.Inputs[2]})
	if changed := ChangedInputs(&got, now); len(changed) != 1 || changed[0].Name != "with.url" {
		t.Errorf("another address: %+v", changed)
	}
}

// Neither the inputs nor the key of a record are digests by which a secret can be guessed fast, and a
// long setting with a secret in it is sealed before it is shortened. The same plan gives the same
// inputs each time; another secret, another step and another plan give others.
func TestSealedInputs(t *testing.T) {
	long := "https://example.com/" + strings.Repeat("x", longestDigest) + "?sig="
	inputs := func(plan, step, secret string) []Input {
		l := newLab()
		r := stored(t, l.graph(t, step+": fake {says: \""+long+secret+"\"}"))
		r.Graph.Plan.Name, r.Graph.Plan.Redactor = plan, redact.New()
		run(t, r.Apply)
		rec := r.Store.Record(step)
		if want := keyOf(rec.Type, rec.Inputs); rec.Key != want {
			t.Errorf("the key %s is not that of the inputs, %s", rec.Key, want)
		}
		wantStatuses(t, run(t, r.Apply), step+" unchanged")
		return rec.Inputs
	}
	one := inputs("p", "a", "first-secret")
	if !strings.HasPrefix(one[0].Digest, "[redacted] pbkdf2-hmac-sha256:") {
		t.Fatalf("got %+v", one)
	}
	if again := inputs("p", "a", "first-secret"); again[0] != one[0] {
		t.Errorf("got %+v, and before %+v", again, one)
	}
	for _, other := range [][]Input{inputs("p", "a", "other-secret"), inputs("p", "b", "first-secret"), inputs("q", "a", "first-secret")} {
		if other[0] == one[0] {
			t.Errorf("the same digest: %+v", other)
		}
	}
}

// Every text of an event is masked, and what the step gave stays as it is.
func TestRedactEvent(t *testing.T) {
	const secret = "hunter2-x"
	r := redact.New()
	r.Add(secret)
	item := Item{Op: Create, What: "file", Name: secret, Source: secret, Note: secret, Old: secret, New: secret}
	notes, problems := []string{secret}, []fault.Problem{{Kind: "extra", Name: secret, Source: secret, Want: secret, Have: secret, Lacks: secret}}
	e := RedactEvent(r, Event{Message: secret, Error: secret, Hint: secret, Notes: notes, Problems: problems, Item: &item, Change: []Item{item}, Outputs: Outputs{"a": plan.Text(secret), "b": plan.Text("b")}})
	const mark = redact.Mark
	want := Event{
		Message: mark, Error: mark, Hint: mark, Notes: []string{mark},
		Item:     &Item{Op: Create, What: "file", Name: mark, Source: mark, Note: mark, Old: mark, New: mark},
		Problems: []fault.Problem{{Kind: "extra", Name: mark, Source: mark, Want: mark, Have: mark, Lacks: mark}},
	}
	want.Change = []Item{*want.Item}
	if len(e.Outputs) != 1 || e.Outputs["b"].String() != "b" {
		t.Errorf("outputs %v", e.Outputs)
	}
	e.Outputs = nil
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if item.Name != secret || notes[0] != secret || problems[0].Name != secret {
		t.Error("the step's own values are changed")
	}
	if err := r.Error(fault.AsConnection(errors.New(secret))); err.Error() != mark || !fault.IsConnection(err) {
		t.Errorf("got %v", err)
	}
}
