package fault

// A Problem is one thing that is not as it should be, in a form that programs
// can read. Its JSON is stable: names are added, never changed.
type Problem struct {
	Kind     string `json:"kind" jsonschema:"enum=missing,enum=drifted,enum=incomplete,enum=extra"` // what is wrong; drifted: it is there, but different
	What     string `json:"what" jsonschema:"enum=image,enum=repository,enum=layout"`               // the kind of thing
	Name     string `json:"name"`
	Source   string `json:"source,omitempty"`   // what it should be equal to
	Want     string `json:"want,omitempty"`     // the digest it should have
	Have     string `json:"have,omitempty"`     // the digest it has
	Lacks    string `json:"lacks,omitempty"`    // the missing part of something incomplete
	Untagged bool   `json:"untagged,omitempty"` // the wanted content exists, but not under its name
}

// Problems returns the problems in err, in their order: one for each error in
// its tree that has a method Problem.
func Problems(err error) []Problem {
	if e, ok := err.(interface{ Problem() Problem }); ok { //nolint:errorlint // the recursion unwraps
		return []Problem{e.Problem()}
	}
	var all []Problem
	for _, err := range causes(err) {
		all = append(all, Problems(err)...)
	}
	return all
}
