package plan

// unused returns a warning for each variable and secret that nothing uses, and for each site if all steps
// run here. A variable with a value from outside may be there for a file of values of several plans.
func (w *whole) unused() Errors {
	var warnings Errors
	for _, v := range w.scope.vars {
		if !v.used && v.override == nil && !v.in.included {
			warnings = append(warnings, v.in.src.errorf(v.pos, "nothing uses the variable %q", v.name))
		}
	}
	for _, s := range w.secrets {
		if !s.used && !s.included {
			warnings = append(warnings, s.src.errorf(s.pos, "nothing uses the secret %q", s.name))
		}
	}
	for _, s := range w.steps {
		if e := s.fields.byKey["site"]; e != nil && w.centre == "" {
			warnings = append(warnings, s.in.src.errorf(e.keyPos, "site has no effect: each step runs here, and only bayplan-temporal runs it at its site"))
		}
	}
	warnings.Sort()
	return warnings
}
