package plan

import "fmt"

// A Shared is the values of --var and --var-file for several plans. Each plan may lack
// some of the variables; one of them must have each. The zero Shared is ready for use.
type Shared struct {
	begun, read int // plans
	had, used   map[string]bool
	lacking     []lackedVar
	unused      []lackedVar
}

// A lackedVar is a value from outside that a plan has no variable for, or does not use.
type lackedVar struct {
	name, before string // before stands before the message
	err          *Error // without the message of a variable that a plan lacks
}

// noVariable returns the message for a value whose variable no plan has.
func noVariable(name string, plans int) string {
	if !refName.MatchString(name) { // it may be part of any file, and hold secrets
		return "no plan has a variable with such a name"
	}
	if plans > 1 {
		return fmt.Sprintf("none of the %d plans has a variable %q", plans, name)
	}
	return fmt.Sprintf("the plan has no variable %q", name)
}

// note records that a plan has a variable, or uses it.
func note(set *map[string]bool, name string) {
	if *set == nil {
		*set = map[string]bool{}
	}
	(*set)[name] = true
}

// begin records that a plan is read. s may be nil.
func (s *Shared) begin() {
	if s != nil {
		s.begun++
	}
}

// has records that a plan has a variable. s may be nil.
func (s *Shared) has(name string) {
	if s != nil {
		note(&s.had, name)
	}
}

// Errors returns the mistakes in the values, after all plans are read. It returns none if
// a plan cannot be read: that one may have the variables.
func (s *Shared) Errors() Errors {
	if s.begun != s.read {
		return nil
	}
	var errs Errors
	for _, l := range s.lacking {
		if !s.had[l.name] {
			l.err.Msg = l.before + noVariable(l.name, s.read)
			errs = append(errs, l.err)
		}
	}
	for _, l := range s.unused {
		if !s.used[l.name] {
			errs = append(errs, l.err)
		}
	}
	return errs.Once()
}
