package verifycatalog

import "github.com/bayplan/bayplan/runner"

// Expects implements runner.Expecter: what the list names.
func (v *verifyCatalog) Expects() []runner.Expected { return v.Expect.Expects("expect") }
