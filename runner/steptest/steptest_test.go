package steptest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// The third break cannot be mended by the note, so it is left out here.
func TestAStepThatKeepsTheLaws(t *testing.T) {
	c := noteCase("")
	fresh := c.Fresh
	c.Fresh = func(t *testing.T) *Fixture {
		f := fresh(t)
		f.Break = f.Break[:2]
		return f
	}
	Laws(t, c)
}

// A gate is a check: it wants a file to be there.
type gate struct {
	note
}

// Inputs of a gate that only looks are what it saw.
func (g *gate) Inputs(_ context.Context, w runner.World) ([]runner.Input, error) {
	if !g.is("sees all") {
		return nil, nil
	}
	fi, err := w.Stat(string(g.File))
	if err != nil {
		return nil, err
	}
	return []runner.Input{{Name: "size", Digest: fmt.Sprint(fi.Size())}}, nil
}

func (g *gate) Diff(_ context.Context, w runner.World, _ *runner.Record) (*runner.Finding, error) {
	outputs, err := g.found(w)
	if err != nil && !g.is("always content") {
		return nil, err
	}
	return &runner.Finding{Outputs: outputs}, nil
}

func gateCase(flaw string, onlyLooks bool) Case {
	typ := noteType()
	typ.Name, typ.Check = "gate", !onlyLooks
	return Case{Type: typ, OnlyLooks: onlyLooks, Fresh: func(t *testing.T) *Fixture {
		file := filepath.Join(t.TempDir(), "note")
		satisfy := func(t *testing.T) { check(t, os.WriteFile(file, []byte("x"), 0o600)) }
		f := &Fixture{
			New:     func() runner.Step { return &gate{note{File: plan.Path(file), Text: "x", flaw: flaw}} },
			Satisfy: satisfy,
			Break: []Break{
				{"the file is removed", func(t *testing.T) { check(t, os.Remove(file)) }},
				{"it is longer", func(t *testing.T) { check(t, os.WriteFile(file, []byte("longer"), 0o600)) }},
			},
		}
		if onlyLooks {
			satisfy(t)
			f.Satisfy = nil
		}
		return f
	}}
}

func TestChecksAndLookersThatKeepTheLaws(t *testing.T) {
	t.Run("check", func(t *testing.T) { Laws(t, gateCase("", false)) })
	t.Run("only looks", func(t *testing.T) { Laws(t, gateCase("looks at the name only, sees all", true)) })
}

// Each flaw breaks the law that forbids it.
func TestEveryFlawIsFound(t *testing.T) {
	tests := []struct {
		flaw string
		law  func(*testing.T, Case) error
		want string
	}{
		{"always content", freshWorld, "nothing to do in a fresh world"},
		{"no summary", freshWorld, "summary must be one line"},
		{"no items", freshWorld, "has no items"},
		{"odd item", freshWorld, "unknown operation"},
		{"nameless item", freshWorld, "lacks its name"},
		{"no apply", freshWorld, "no Apply"},
		{"writes while looking", looksOnly, "changed it"},
		{"unstable inputs", stableInputs, "differ between two calls"},
		{"secret in the inputs", stableInputs, "hold a secret"},
		{"input without a digest", stableInputs, "lacks name or digest"},
		{"input named like the configuration's", stableInputs, "has a name of the configuration"},
		{"plans another output", matchesPlan, `the output "file" was planned as "elsewhere"`},
		{"plans another size", matchesPlan, "it has 9 bytes, planned were 10"},
		{"plans another digest", matchesPlan, "its sha256 is"},
		{"plans another mode", matchesPlan, "its mode is"},
		{"opens another content", matchesPlan, "its content is another"},
		{"plans another file", matchesPlan, "no such file"},
		{"too many outputs", matchesPlan, "gave 3 outputs"},
		{"secret in the outputs", matchesPlan, "was planned as"},
		{"fails", matchesPlan, "in Apply: boom"},
		{"claims without writing", confirmsWhatIsThere, "Apply confirmed its outputs, but in Verify: "},
		{"claims another output", confirmsWhatIsThere, `Apply confirmed the output "file" as "elsewhere"`},
		{"leaves an input open", completesInputs, "differ from those of another step"},
		{"gives other inputs when applied at once", completesInputs, "differ from those of another step"},
		{"never content", convergesAtOnce, "still is something to do"},
		{"verifies another output", convergesAtOnce, `the output "file" is`},
		{"leaves rubbish", convergesAfterCancel, "left other files"},
		{"leaves the half of it as the whole", convergesAfterCancel, "cancelled at call"},
		{"cannot be applied again", convergesAfterCancel, "file already exists"},
		{"resolves by what it changes", asksSourcesOnly, "in Resolve, while only sources answer"},
		{"writes while resolving", asksSourcesOnly, "Resolve changed the world"},
		{"resolves to another output", asksSourcesOnly, `the output "file" is "elsewhere"`},
		{"never content", recordsRuns, "the second apply says changed, want unchanged"},
		{"trusts the record", func(t *testing.T, c Case) error { return noticesBreak(t, c, 1) }, ""},
		{"looks at the name only", func(t *testing.T, c Case) error { return noticesBreak(t, c, 1) }, "neither Diff nor Verify notices"},
		{"", func(t *testing.T, c Case) error { return noticesBreak(t, c, 2) }, "an apply that should mend it says failed"},
	}
	for _, tt := range tests {
		t.Run(tt.flaw, func(t *testing.T) {
			err := tt.law(t, noteCase(tt.flaw))
			switch {
			case tt.want == "" && err != nil: // Verify notices for Diff
				t.Errorf("error %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("a step that wants to know all at once", func(t *testing.T) {
		c := noteCase("")
		c.Type.New = func() runner.Step { return &note{flaw: "wants to know all at once"} }
		if err := acceptsUnknown(t, c); err == nil {
			t.Error("not found")
		}
	})
	t.Run("a looker that does not see", func(t *testing.T) {
		if err := noticesBreak(t, gateCase("looks at the name only", true), 1); err == nil {
			t.Error("not found")
		}
	})
	t.Run("a check content with a fresh world", func(t *testing.T) {
		if err := freshWorld(t, gateCase("always content", false)); err == nil {
			t.Error("not found")
		}
	})
	t.Run("a secret in the state", func(t *testing.T) {
		f := &Fixture{Secrets: []string{"hunter2"}}
		dir := t.TempDir()
		check(t, os.WriteFile(filepath.Join(dir, "state.json"), []byte(`{"x":"hunter2"}`), 0o600))
		if err := f.checkStateForSecrets(dir); err == nil {
			t.Error("not found")
		}
	})
}
