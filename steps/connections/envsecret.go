package connections

import (
	"slices"

	"github.com/bayplan/bayplan/plan"
)

// EnvSecret gives the secret in an environment variable that a setting of a step names. The redactor
// learns it when it is read, and helpers that Open prepares do not get the variable.
func (s *Set) EnvSecret(variable string) plan.Secret {
	if s == nil {
		return plan.EnvSecret(variable, nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if variable != "" && !slices.Contains(s.secretVariables, variable) {
		s.secretVariables = append(slices.Clip(s.secretVariables), variable)
	}
	return plan.EnvSecret(variable, s.redactor)
}
