package fault

// A Location is a place in a file that people wrote, with what is wrong there.
type Location struct {
	File string
	Line int    // from 1; 0: the whole file is meant
	Col  int    // in characters, from 1; 0: the line must not be shown
	Msg  string // without the place
}
