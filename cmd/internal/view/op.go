package view

import "github.com/bayplan/bayplan/runner"

// Done says in a word what was done to an item.
func Done(o runner.Op) string {
	switch o {
	case runner.Create:
		return "created"
	case runner.Update:
		return "updated"
	case runner.Replace:
		return "replaced"
	case runner.Remove:
		return "removed"
	}
	return string(o)
}

// Sign returns the sign that shows an operation on an item.
func Sign(o runner.Op) string {
	switch o {
	case runner.Create:
		return "+"
	case runner.Remove:
		return "-"
	case runner.Replace:
		return "±"
	}
	return "~"
}
