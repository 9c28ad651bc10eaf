package connections

import (
	"slices"
	"testing"

	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
)

// The variable that a setting of a step names is one of the plan's secrets: its value is masked, and
// helpers do not get it.
func TestEnvSecret(t *testing.T) {
	t.Setenv("CENTRE_KEY_PASSWORD", "opened-7-doors")
	masked := redact.New()
	s, errs := Connect(&plan.Plan{Redactor: masked, SecretVariables: []string{"OTHER"}})
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	secret := s.EnvSecret("CENTRE_KEY_PASSWORD")
	_ = s.EnvSecret("CENTRE_KEY_PASSWORD")
	if want := []string{"OTHER", "CENTRE_KEY_PASSWORD"}; !slices.Equal(s.secretVariables, want) {
		t.Errorf("helpers do not get %q, want %q", s.secretVariables, want)
	}
	if value, err := secret.Reveal(t.Context()); value != "opened-7-doors" || err != nil {
		t.Fatal(value, err)
	}
	if got := masked.Text("it is opened-7-doors"); got != "it is "+redact.Mark {
		t.Errorf("it is shown: %s", got)
	}
	if _, err := s.EnvSecret("NOT_SET").Reveal(t.Context()); err == nil {
		t.Error("a variable that is not set is taken")
	}
}
