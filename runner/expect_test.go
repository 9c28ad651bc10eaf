package runner

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

// A pathStep expects a file, and foresees where it puts it.
type pathStep struct {
	From plan.Path `json:"from,omitempty"`
	To   plan.Path `json:"to,omitempty"`
}

func (s *pathStep) Inputs(context.Context, World) ([]Input, error)         { return nil, nil }
func (s *pathStep) Diff(context.Context, World, *Record) (*Finding, error) { return &Finding{}, nil }
func (s *pathStep) Verify(context.Context, World) (Outputs, error)         { return nil, nil }
func (s *pathStep) Paths() Paths {
	return Paths{Reads: []string{string(s.From)}, Writes: []string{string(s.To)}}
}

func (s *pathStep) Expects() []Expected {
	return []Expected{{Kind: ExpectFile, Path: string(s.From), To: string(s.To)}}
}

func (s *pathStep) Foresee() Outputs { return Outputs{"path": plan.Text(string(s.To))} }

// What steps expect is known through the outputs that the steps before foresee, in whatever
// order the plan has them.
func TestForesee(t *testing.T) {
	types := Types{{Name: "copy", Outputs: []Output{{Name: "path"}, {Name: "late"}}, New: func() Step { return &pathStep{} }}}
	p, errs := plan.Parse("/p.yaml", []byte(`apiVersion: bayplan/v1
name: p
steps:
  second: { type: copy, with: { from: "${steps.first.path}", to: /c } }
  first: { type: copy, with: { from: /a/../a, to: /b } }
  third: { type: copy, with: { from: "${steps.second.late}" } }
`), plan.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	g, errs := Check(p, types)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var got []string
	for _, e := range Expectations(g.Foresee()) {
		got = append(got, e.Node.ID()+" "+e.Path+" "+e.To)
	}
	if diff := cmp.Diff([]string{"first /a /b", "second /b /c", "third  "}, got); diff != "" {
		t.Errorf("expected (-want +got):\n%s", diff)
	}
}
