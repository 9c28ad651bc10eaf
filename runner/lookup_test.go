package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// A finder is a fake that has something to look up.
type finder struct{ fake }

func (f *finder) Resolve(_ context.Context, w World) (*Finding, error) {
	if strings.HasPrefix(f.Says, "fail") {
		return nil, errors.New("boom")
	}
	if f.Reads != "" {
		r, err := w.Open(string(f.Reads))
		if err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		return &Finding{}, r.Close()
	}
	f.lab.mu.Lock()
	defer f.lab.mu.Unlock()
	f.lab.log = append(f.lab.log, f.id+" found "+f.want())
	finding := &Finding{Outputs: Outputs{"text": plan.Text(f.want())}}
	if f.Writes != "" {
		finding.Change = &Change{Files: []File{{Path: string(f.Writes), Mode: 0o644}}}
	}
	return finding, nil
}

// Only steps that look something up run. What the others would give is taken from their
// records, or waited for.
func TestLookUp(t *testing.T) {
	l := newLab()
	types := append(l.types(), Type{Name: "finder", Outputs: []Output{{Name: "text", Doc: "What it said."}, {Name: "id", Doc: "A number."}}, New: func() Step { return &finder{fake{lab: l}} }})
	dir := t.TempDir()
	text := strings.ReplaceAll(`apiVersion: bayplan/v1
name: x
steps:
  other: {type: fake, with: {says: moo}}
  a: {type: finder, with: {says: one, writes: DIR/list}}
  b: {type: finder, with: {says: "${steps.a.text} two"}}
  c: {type: finder, with: {says: "${steps.a.id}"}}
  d: {type: finder, with: {says: "${steps.other.text}"}}
  e: {type: finder, needs: [a], with: {reads: DIR/list}}
  f: {type: finder, needs: [other], with: {reads: DIR/made}}
  g: {type: finder, with: {reads: DIR/typo}}
  h: {type: finder, with: {says: fail}}
  i: {type: finder, needs: [h], with: {says: no}}
  look: {type: check, needs: [a], with: {says: moo}}
`, "DIR", dir)
	file := dir + "/plan.yaml"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, errs := plan.Load(t.Context(), file, plan.Options{})
	g, errs := Check(p, types, errs...)
	if errs != nil {
		t.Fatal(errs)
	}
	report, err := (&Runner{Graph: g}).LookUp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"other": "not-asked", "look": "not-asked", "a": "looked-up", "b": "looked-up",
		"c": "waiting: not looked up: known only after a has run, which gives id",
		"d": "waiting: not looked up: known only after other has run, which gives text",
		"e": "waiting: not looked up: known only after a has run, which writes " + dir + "/list",
		"f": "waiting: not looked up: known only after other has run (list: open " + dir + "/made: no such file or directory)",
		"g": "failed", "h": "failed", "i": "skipped: needs h, which failed",
	} {
		s := report.Step(id)
		got := string(s.Status)
		if s.Why != "" {
			got += ": " + s.Why
		}
		if got != want {
			t.Errorf("%s: %q, want %q (%v)", id, got, want, s.Err)
		}
	}
	if got := strings.Join(l.log, ", "); got != "a found one, b found one two" {
		t.Errorf("ran: %s", got)
	}
	if got := report.Summary(); !strings.HasPrefix(got, "2 looked up, 4 waiting, 2 failed, 1 skipped in ") {
		t.Errorf("summary: %s", got)
	}
}
