package verifyregistry

import "github.com/bayplan/bayplan/runner"

// Expects implements runner.Expecter: what the list names.
func (v *verifyRegistry) Expects() []runner.Expected { return v.Only.Expects("only") }
