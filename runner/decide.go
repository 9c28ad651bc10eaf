package runner

// decide is all that a run makes of what a step's Diff found: whether the key
// is as recorded only tells whether there is something to write down.
func decide(f *Finding, keyRecorded bool, err error) Status {
	switch {
	case err != nil:
		return Failed
	case f.Change != nil:
		return Changed
	case keyRecorded:
		return Unchanged
	default:
		return Adopted
	}
}
