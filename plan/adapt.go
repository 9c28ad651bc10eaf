package plan

import "strings"

// An Adapt changes settings of steps and connections when they are decoded, for a run in
// which the same plan means other things: a rehearsal has a world of its own. Both
// functions also get what they have returned before, as an output of a step. A nil
// function changes nothing.
type Adapt struct {
	// Path returns the place of a file: path is absolute and clean. relative says that
	// the plan names the file by a path that starts at the plan's directory.
	Path func(path string, relative bool) string

	// Text returns what takes the place of a text. Paths are texts before they are made
	// absolute.
	Text func(text string) string
}

// path returns the place of a file that the plan calls written.
func (a *Adapt) path(written, path string) string {
	if a == nil || a.Path == nil || path == "" {
		return path
	}
	return a.Path(path, !strings.HasPrefix(written, "/") && !strings.HasPrefix(written, "~"))
}

func (a *Adapt) text(text string) string {
	if a == nil || a.Text == nil {
		return text
	}
	return a.Text(text)
}
