package plan

// unused returns a warning for each variable and each secret of the plan that nothing
// uses, and for each site if all steps run here. A variable that has its value from outside may be there for a file of values
// that several plans share.
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
			warnings = append(warnings, s.in.src.errorf(e.keyPos, "site has no effect: there are no workers, and each step runs here"))
		}
	}
	warnings.Sort()
	return warnings
}
