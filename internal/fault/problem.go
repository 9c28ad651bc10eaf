package fault

// A Problem is one thing that is not as it should be, in a form that programs
// can read. Its JSON is stable: names are added, never changed.
type Problem struct {
	Kind     string `json:"kind" jsonschema:"enum=missing,enum=drifted,enum=incomplete,enum=extra,enum=failed"` // what is wrong; drifted: it is there, but different; failed: it could not be brought there
	What     string `json:"what" jsonschema:"enum=image,enum=repository,enum=layout"`                           // the kind of thing
	Name     string `json:"name"`                                                                               // of the thing
	Source   string `json:"source,omitempty"`                                                                   // what it should be equal to
	Want     string `json:"want,omitempty"`                                                                     // the digest it should have
	Have     string `json:"have,omitempty"`                                                                     // the digest it has
	Lacks    string `json:"lacks,omitempty"`                                                                    // the missing part of something incomplete
	Untagged bool   `json:"untagged,omitempty"`                                                                 // the wanted content exists, but not under its name
}

// problematic is an error with the things that it is about.
type problematic struct {
	error
	problems []Problem
}

func (p problematic) Unwrap() error { return p.error }

// Problems returns the things that the error is about.
func (p problematic) Problems() []Problem { return p.problems }

// WithProblems tells programs which things err is about. The text of the error does not
// change. A nil err stays nil.
func WithProblems(err error, problems ...Problem) error {
	if err == nil {
		return nil
	}
	return problematic{err, problems}
}

// Problems returns the problems in err, in their order: those of each error in its tree
// that has a method Problem or Problems.
func Problems(err error) []Problem {
	switch e := err.(type) { //nolint:errorlint // the recursion unwraps
	case interface{ Problem() Problem }:
		return []Problem{e.Problem()}
	case interface{ Problems() []Problem }:
		return e.Problems()
	}
	var all []Problem
	for _, err := range causes(err) {
		all = append(all, Problems(err)...)
	}
	return all
}
