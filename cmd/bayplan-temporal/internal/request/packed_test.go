package request

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

// The digest is that of what the run means, whatever program has started it.
func TestDigest(t *testing.T) {
	dir := write(t, map[string]string{"plan.yaml": head + "name: p\nvars: { x: a }\nsteps: { dir: { type: mkdir, with: { paths: [\"${vars.x}\"] } } }\n"})
	digest := func(o Options) string {
		t.Helper()
		run, err := build(t, dir, o)
		if err != nil {
			t.Fatal(err)
		}
		return run.Packed.Head.Digest()
	}
	one := digest(Options{})
	if two := digest(Options{Version: "v2"}); two != one {
		t.Errorf("another version gives %s, not %s", two, one)
	}
	if digest(Options{Values: plan.Options{Vars: map[string]string{"x": "b"}}}) == one {
		t.Error("another value gives the same digest")
	}
	if digest(Options{MaxFailures: 1}) == one {
		t.Error("another flag gives the same digest")
	}
}

// A program reads what a later one of the same form has written, with fields that it does not know.
func TestNewField(t *testing.T) {
	later := struct {
		Run
		Later string `json:"later"`
	}{Run{Plan: "p"}, "x"}
	packed, err := Pack(later)
	if err != nil {
		t.Fatal(err)
	}
	run, err := Head{Form: Form, Run: Digest(packed)}.OpenRun(packed)
	if err != nil || run.Plan != "p" {
		t.Errorf("got %v, %v", run, err)
	}
}

func TestOpen(t *testing.T) {
	bomb, err := Pack(strings.Repeat("x", maxRun+1))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		head   Head
		packed []byte
		want   string
	}{
		"a form of later": {Head{Form: Form + 1, Version: "v9"}, nil, "the run was started by version v9 in form 2, and this program knows form 1"},
		"another digest":  {Head{Form: Form, Run: "sha256:0"}, nil, "the digest of its bytes is sha256:"},
		"no gzip":         {Head{Form: Form, Run: Digest([]byte("x"))}, []byte("x"), "read the run: "},
		"too large":       {Head{Form: Form, Run: Digest(bomb)}, bomb, "more than 16.0 MiB unpacked"},
	} {
		if _, err := tt.head.OpenRun(tt.packed); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := (Head{Form: Form + 1}).OpenBundle(nil); !errors.As(err, new(*FormError)) {
		t.Errorf("got %v", err)
	}
}

// What Temporal would refuse is an error before anything is sent.
func TestTooLarge(t *testing.T) {
	noise := make([]byte, 3<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	b := &Bundle{File: "plan.yaml", Files: map[string][]byte{"plan.yaml": nil, "images.txt": noise}}
	_, err := NewPacked("v1", &Run{}, b)
	if err == nil || !strings.Contains(err.Error(), "Temporal takes at most 2.0 MiB") || !strings.Contains(fault.Hint(err), "the largest file is images.txt with 3.0 MiB") {
		t.Errorf("got %v: %s", err, fault.Hint(err))
	}
	b.Files["images.txt"] = bytes.Repeat([]byte("x"), 3<<20)
	if _, err := NewPacked("v1", &Run{}, b); err != nil {
		t.Errorf("compressed it is small: %v", err)
	}
}

// The history that a run will have is computed before it begins.
func TestHistory(t *testing.T) {
	run := func(steps, references int) *Run {
		r := &Run{Steps: make([]Step, steps)}
		for i := range r.Steps {
			r.Steps[i].Asks = make([]string, references)
		}
		return r
	}
	for name, tt := range map[string]struct {
		run  *Run
		want string
	}{
		"many steps":          {run(5000, 3), ""},
		"too many steps":      {run(5001, 0), "the plan has 5001 steps, and a run on Temporal takes at most 5000"},
		"too many references": {run(1000, 1000), "1000 steps refer 1000000 times to outputs of others"},
	} {
		err := tt.run.checkHistory(MaxPayload)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || fault.Hint(err) == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
