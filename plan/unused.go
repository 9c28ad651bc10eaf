package plan

import "slices"

// unused returns a warning for each variable and each secret of the file that nothing
// uses. A variable that has its value from outside may be there for a file of values
// that several plans share.
func (r *reader) unused() Errors {
	var warnings Errors
	for _, v := range r.scope.vars {
		if !v.used && v.override == nil {
			warnings = append(warnings, r.src.errorf(v.pos, "nothing uses the variable %q", v.name))
		}
	}
	for _, s := range r.secrets {
		if !s.used {
			warnings = append(warnings, r.src.errorf(s.pos, "nothing uses the secret %q", s.name))
		}
	}
	slices.SortFunc(warnings, func(a, b *Error) int { return comparePos(a.Pos, b.Pos) })
	return warnings
}
