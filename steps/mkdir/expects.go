package mkdir

import "github.com/bayplan/bayplan/runner"

// Foresee implements runner.Foreseer.
func (m *mkdir) Foresee() runner.Outputs { return m.outputs() }
