package runner

// A Type is a type of step.
type Type struct {
	Name    string // as it stands in plans: glance-upload
	Outputs []Output
	// Check marks a type that never changes anything: its Diff fails if things are
	// not as wanted, and never returns a Change. A diff does not run it if a step
	// before it would change something.
	Check bool
	// New returns an empty step with its defaults set. Many goroutines may call it.
	New func() Step
}

// An Output describes one output of a type.
type Output struct {
	Name string
	Doc  string // one sentence, for `bayplan explain`
	List bool
	Made bool // it names what the step has made

	// Local says that it names files of the host on which the step ran: it means nothing on
	// another one.
	Local bool
}

// Types are all types of steps, in the order in which they are shown.
type Types []Type

// Find returns the type with a name, and whether there is one.
func (ts Types) Find(name string) (Type, bool) {
	for _, t := range ts {
		if t.Name == name {
			return t, true
		}
	}
	return Type{}, false
}

func (ts Types) names() []string {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = t.Name
	}
	return names
}
